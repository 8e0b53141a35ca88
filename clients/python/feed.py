"""The feed through redis-py's stream calls. Usage: feed.py HOST:PORT SKU. Exits with 1 if an answer is wrong."""

import json
import sys
import threading

import redis


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"redis-py: {what}\n  got:    {got!r}\n  wanted: {wanted!r}")


def fresh(client):
    """The id behind which everything is this program's."""
    last = client.xrevrange("orders", count=1)
    return last[0][0] if last else "0"


def pages(reply):
    """The entries of one stream: RESP3 gives a map, RESP2 a list of pairs."""
    if not reply:
        return []
    entries = reply["orders"] if isinstance(reply, dict) else dict(reply)["orders"]
    # In RESP3 redis-py keeps a list of pages for each stream.
    return entries[0] if entries and isinstance(entries[0], list) else entries


def read(client, sku, begin):
    document = json.dumps({"title": "Phone", "stock": 100, "currency": "CNY", "price": {"fixed": 599900}})
    client.execute_command("SKU.PUT", sku, document)
    order = client.execute_command("ORDER.RESERVE", sku, "r1", "u1", 2)[1]
    client.execute_command("ORDER.PAY", order, "p1", 1199800, "pay-1")
    entries = pages(client.xread({"orders": begin}, count=10))
    expect("types", [fields["type"] for _, fields in entries], ["sku.created", "order.reserved", "order.paid"])
    expect("keys", {fields["key"] for _, fields in entries}, {sku})
    event = json.loads(entries[2][1]["data"])
    expect("id", event["id"], entries[2][0])
    data = event["data"]
    expect("data", (data["order"], data["buyer"], data["amount"], data["payment"]), (order, "u1", 1199800, "pay-1"))
    expect("xrange", client.xrange("orders", min=entries[0][0], count=3), entries)
    expect("xlen", client.xlen("orders") >= 3, True)
    return entries


def wait(client, make, sku):
    """A reader that blocks is woken by somebody else's order."""
    got = []
    reader = threading.Thread(target=lambda: got.extend(pages(make().xread({"orders": "$"}, block=60000))))
    reader.start()
    number = 0
    while reader.is_alive():
        number += 1
        client.execute_command("ORDER.RESERVE", sku, f"w{number}", "u2", 1)
        client.execute_command("ORDER.CANCEL", f"{{{sku}}}:o:{number + 1}", "c1")
        reader.join(0.01)
    expect("woken", got[0][1]["type"].startswith("order."), True)


def groups(client, sku, begin, entries):
    group = f"group-{sku}"
    client.xgroup_create("orders", group, id=begin, mkstream=True)
    try:
        client.xgroup_create("orders", group, id="$")
        sys.exit("redis-py: a group was created twice")
    except redis.ResponseError as error:
        expect("twice", str(error), "BUSYGROUP Consumer Group name already exists")
    first = pages(client.xreadgroup(group, "a", {"orders": ">"}, count=2))
    expect("delivered", first, entries[:2])
    expect("pending", client.xpending("orders", group)["pending"], 2)
    expect("acknowledged", client.xack("orders", group, first[0][0]), 1)
    detail = client.xpending_range("orders", group, "-", "+", 10)
    expect("pending entry", [(one["message_id"], one["consumer"]) for one in detail], [(first[1][0], "a")])
    claimed = client.xautoclaim("orders", group, "b", min_idle_time=0)
    expect("claimed", (claimed[0], claimed[1]), ("0-0", [first[1]]))
    expect("the rest", pages(client.xreadgroup(group, "b", {"orders": ">"}, count=1)), entries[2:3])
    expect("history", len(pages(client.xreadgroup(group, "b", {"orders": "0"}))), 2)
    info = next(one for one in client.xinfo_groups("orders") if one["name"] == group)
    expect("info", (info["consumers"], info["pending"]), (2, 2))
    expect("consumers", sorted(one["name"] for one in client.xinfo_consumers("orders", group)), ["a", "b"])
    expect("stream", client.xinfo_stream("orders")["length"], client.xlen("orders"))
    expect("gone", client.xgroup_delconsumer("orders", group, "b"), 2)
    expect("destroyed", client.xgroup_destroy("orders", group), 1)


def main(address, sku):
    host, port = address.rsplit(":", 1)
    for name, options in (("resp3", {}), ("resp2", {"protocol": 2})):
        make = lambda: redis.Redis(host, int(port), decode_responses=True, **options)
        with make() as client:
            begin = fresh(client)
            entries = read(client, f"{sku}-{name}", begin)
            groups(client, f"{sku}-{name}", begin, entries)
            wait(client, make, f"{sku}-{name}")
    print("redis-py", redis.__version__, "streams ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
