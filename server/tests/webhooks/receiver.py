# Behind the handbook's example: a webhook of JSON a line; the status, and how many more works there are than before.
import os
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1])
with db:
    db.execute(TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))
    db.execute("CREATE TABLE IF NOT EXISTS works (event TEXT)")


def works():
    return db.execute("SELECT count(*) FROM works").fetchone()[0]


for line in sys.stdin:
    one, before = json.loads(line), works()

    def work(db, event):
        db.execute("INSERT INTO works (event) VALUES (?)", (event["id"],))
        if one["fate"] == "Die":
            os._exit(1)
        if one["fate"] == "Fail":
            raise RuntimeError("the work fails")

    try:
        status = receive(SECRET, one["headers"], one["body"].encode(), db, work)
    except RuntimeError:
        status = 500
    print(status, works() - before, flush=True)
