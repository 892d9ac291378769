"""A stock ccxt, unchanged but for its addresses, against a running venue.

    python ccxt_smoke.py http://127.0.0.1:PORT [KEY SECRET]

Fetches markets, order book, trades and its own balance, places, finds and cancels an order, and makes
two orders meet. Prints one line a step; exit code 0 if every step did what it should, 1 otherwise.
"""

import sys

import ccxt

SYMBOL = "BTC/USDT"
PRICE = 64000.1
AMOUNT = 0.0015


def redirected(urls, base):
    """The same paths on another host, throughout."""
    if isinstance(urls, dict):
        return {name: redirected(url, base) for name, url in urls.items()}
    path = urls.split("://", 1)[1].partition("/")[2]
    return f"{base}/{path}"


def client(base, key, secret):
    exchange = ccxt.binance({"apiKey": key, "secret": secret})
    exchange.urls["api"] = redirected(exchange.urls["api"], base)
    return exchange


def check(what, good, got):
    print(f"{'ok  ' if good else 'FAIL'} {what}: {got}")
    if not good:
        raise SystemExit(1)


def main(base, key="test-key", secret="test-secret"):
    exchange = client(base.rstrip("/"), key, secret)

    markets = exchange.load_markets()
    precision = markets[SYMBOL]["precision"]
    check("markets", SYMBOL in markets and precision["price"] == 0.01, f"{len(markets)}, {precision}")

    balance = exchange.fetch_balance()
    check("balance", balance["USDT"]["free"] > 0, balance["USDT"])

    maker = exchange.create_order(SYMBOL, "limit", "sell", AMOUNT, PRICE, {"postOnly": True})
    check("post-only order", maker["id"] is not None, maker["id"])

    book = exchange.fetch_order_book(SYMBOL)
    check("order book", [PRICE, AMOUNT] in [level[:2] for level in book["asks"]], book["asks"])

    resting = exchange.fetch_order(maker["id"], SYMBOL)
    check("order", resting["status"] == "open" and resting["amount"] == AMOUNT, resting["status"])
    opened = [order["id"] for order in exchange.fetch_open_orders(SYMBOL)]
    check("open orders", maker["id"] in opened, opened)
    locked = exchange.fetch_balance()["BTC"]["used"]
    check("balance while the order rests", locked == AMOUNT, locked)

    taker = exchange.create_order(SYMBOL, "limit", "buy", AMOUNT, PRICE, {"timeInForce": "IOC"})
    check("taker", taker["status"] == "closed" and taker["filled"] == AMOUNT, taker["status"])

    trades = exchange.fetch_trades(SYMBOL)
    last = trades[-1] if trades else None
    traded = last is not None and (last["price"], last["amount"], last["side"]) == (PRICE, AMOUNT, "buy")
    check("trades", traded, last and (last["price"], last["amount"], last["side"]))
    mine = {trade["order"] for trade in exchange.fetch_my_trades(SYMBOL)}
    check("own trades", {maker["id"], taker["id"]} <= mine, mine)

    second = exchange.create_order(SYMBOL, "limit", "buy", AMOUNT, PRICE / 2)
    cancelled = exchange.cancel_order(second["id"], SYMBOL)
    check("cancel", cancelled["status"] == "canceled", cancelled["status"])
    left = exchange.fetch_open_orders(SYMBOL)
    check("nothing left open", left == [], left)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
