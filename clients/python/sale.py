"""A sale through redis-py. Usage: sale.py HOST:PORT SKU. Exits with 1 if an answer is wrong."""

import json
import sys
import threading

import redis


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"redis-py: {what}\n  got:    {got!r}\n  wanted: {wanted!r}")


def expect_error(what, act, code):
    try:
        got = act()
    except redis.ResponseError as error:
        # redis-py takes a leading `ERR ` away.
        expect(what, str(error).startswith(code), True)
    else:
        sys.exit(f"redis-py: {what}\n  got {got!r} and no error")


def stock(client, sku):
    shown = client.execute_command("SKU.GET", sku)
    return tuple(shown[name] for name in ("state", "total", "available", "reserved", "sold"))


def sell(client, sku):
    order = f"{{{sku}}}:o:1"
    document = {"title": "Phone 双十一", "stock": 100, "currency": "CNY", "price": {"fixed": 599900}}
    document = json.dumps(document, ensure_ascii=False)
    expect("ping", client.ping(), True)
    expect("put", client.execute_command("SKU.PUT", sku, document), ["CREATED"])
    expect("get", stock(client, sku), ("OPEN", 100, 100, 0, 0))
    expect("title", client.execute_command("SKU.GET", sku)["title"], "Phone 双十一")
    held = client.execute_command("ORDER.RESERVE", sku, "r1", "u1", 2)
    expect("reserve", held[:3], ["RESERVED", order, 1199800])
    expect("reserve again", client.execute_command("ORDER.RESERVE", sku, "r1", "u1", 2), held)
    expect("too little", client.execute_command("ORDER.PAY", order, "p1", 1, "pay-1"), ["AMOUNT_MISMATCH", 1199800])
    expect("pay", client.execute_command("ORDER.PAY", order, "p1", 1199800, "pay-1"), ["PAID", order])
    expect("sold out", client.execute_command("ORDER.RESERVE", sku, "r2", "u2", 99), ["SOLD_OUT"])
    expect("nothing", client.execute_command("SKU.GET", f"{sku}-none"), None)
    expect_error("another request", lambda: client.execute_command("ORDER.RESERVE", sku, "r1", "u1", 3), "IDEMPREUSE")
    expect_error("no such command", lambda: client.get(sku), "unknown command")
    shown = client.execute_command("ORDER.GET", order)
    expect("order", (shown["state"], shown["buyer"], shown["qty"], shown["room"]), ("PAID", "u1", 2, None))


def pipeline(client, sku):
    with client.pipeline(transaction=False) as pipe:
        for n in range(50):
            pipe.execute_command("ORDER.RESERVE", sku, f"p{n}", "u3", 1)
        pipe.execute_command("SKU.GET", sku)
        *held, shown = pipe.execute()
    expect("pipeline", [reply[0] for reply in held], ["RESERVED"] * 50)
    expect("get behind it", shown["available"], 48)


def crowd(client, sku):
    """Threads share the client's pool; together they get exactly what is left."""
    taken = []

    def buy(buyer):
        for n in range(10):
            taken.append(client.execute_command("ORDER.RESERVE", sku, f"c{n}", buyer, 1)[0])

    buyers = [threading.Thread(target=buy, args=(f"u1{n}",)) for n in range(8)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    expect("crowd", (taken.count("RESERVED"), taken.count("SOLD_OUT")), (48, 32))
    report = client.execute_command("REPORT", sku)
    expect("report", tuple(report[name] for name in ("available", "reserved", "sold", "balanced")), (0, 98, 2, 1))
    expect("orders by state", report["orders"]["RESERVED"], 98)


def subscribe(client, sku):
    """Pushes come by the library's own pubsub, in either protocol; the client goes on selling meanwhile."""
    channel, document = f"stock:{{{sku}}}", {"title": "Lamp", "stock": 3, "currency": "CNY", "price": {"fixed": 100}}
    expect("put", client.execute_command("SKU.PUT", sku, json.dumps(document)), ["CREATED"])
    with client.pubsub() as pubsub:
        pubsub.subscribe(channel, "buyer:u1")

        waiting = {channel: [], "buyer:u1": []}

        def told(wanted):
            while not waiting[wanted]:
                message = pubsub.get_message(timeout=30)
                if message is None:
                    sys.exit(f"redis-py: {wanted} was not told")
                if message["type"] == "message":
                    waiting[message["channel"]].append(json.loads(message["data"]))
            return waiting[wanted].pop(0)

        expect("snapshot", told(channel)["available"], 3)
        expect("ping", pubsub.ping(), None)
        order = client.execute_command("ORDER.RESERVE", sku, "r1", "u1", 2)[1]
        expect("reserved", told(channel)["available"], 1)
        client.execute_command("ORDER.PAY", order, "p1", 200, "pay-1")
        expect("story", [told("buyer:u1").get("type") for _ in range(3)], [None, "order.reserved", "order.paid"])
        pubsub.unsubscribe()
        while pubsub.subscribed:
            pubsub.get_message(timeout=30)


def introspection(client):
    commands = client.command()
    expect("COMMAND knows the sale", commands["order.reserve"]["first_key_pos"], 1)
    expect("COMMAND COUNT", client.command_count(), len(commands))
    expect("INFO", client.info()["loading"], 0)
    expect("CONFIG GET", client.config_get("save"), {"save": ""})
    expect("CLIENT LIST", any(entry["lib-name"].startswith("redis-py") for entry in client.client_list()), True)


def main(address, sku):
    host, port = address.rsplit(":", 1)
    for name, options in (("default", {}), ("resp2", {"protocol": 2})):
        with redis.Redis(host, int(port), decode_responses=True, **options) as client:
            if name == "default":
                sell(client, sku)
                pipeline(client, sku)
                crowd(client, sku)
                introspection(client)
            else:
                shown = client.execute_command("SKU.GET", sku)
                shown = dict(zip(shown[::2], shown[1::2])) if isinstance(shown, list) else shown
                expect("get in RESP2", (shown["state"], shown["available"]), ("SOLD_OUT", 0))
            subscribe(client, f"{sku}-pushed-{name}")
    print("redis-py", redis.__version__, "ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
