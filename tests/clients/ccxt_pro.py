"""A stock ccxt.pro, unchanged but for its addresses: what it watches, what it sends by websocket, its local book.

    python ccxt_pro.py spot|usdm http://HOST:PORT [SECONDS]
"""

import asyncio
import sys
import time

import ccxt.pro

from common import KEY, SECRET, SOON, Checks, Seen, arguments, has, holds, same, traded

AMOUNT = 0.002
check = Checks()


def redirected(urls, given):
    """The same paths on another host, throughout."""
    if isinstance(urls, dict):
        return {name: redirected(url, given) for name, url in urls.items()}
    scheme, rest = urls.split("://", 1)
    return f"{given.socket if scheme == 'wss' else given.address}/{rest.partition('/')[2]}"


def client(given):
    """Two clients of one kind: websocket order entry and streams have connections of their own anyway."""
    exchange = {"spot": ccxt.pro.binance, "usdm": ccxt.pro.binanceusdm}[given.product]({"apiKey": KEY, "secret": SECRET})
    exchange.urls["api"] = redirected(exchange.urls["api"], given)
    # The path, not the host, is what the venue tells the products apart by.
    exchange.urls["api"]["ws"]["spot"] = f"{given.socket}/stream/ws"
    exchange.urls["api"]["ws"]["linear"] = f"{given.socket}/usdm/ws"
    return exchange


async def within(awaitable, seconds=SOON):
    return await asyncio.wait_for(awaitable, seconds)


async def collect(watch, into):
    """Keeps copies of everything that is watched."""
    while True:
        found = await watch()
        into.extend([dict(row) for row in found] if isinstance(found, list) else [dict(found)])


async def arrives(condition):
    """Waits until the condition gives something, and gives it."""

    async def loop():
        while not (found := condition()):
            await asyncio.sleep(0.02)
        return found

    return await within(loop())


class Session:
    def __init__(self, exchange, given):
        self.exchange, self.given = exchange, given
        suffix = "" if given.product == "spot" else ":USDT"
        self.quiet, self.busy = f"BTC/USDT{suffix}", f"ETH/USDT{suffix}"

    async def run(self):
        with check("markets"):
            await self.exchange.load_markets()
        last = (await self.exchange.fetch_last_prices([self.quiet]))[self.quiet]["price"] or 64000
        self.price = float(self.exchange.price_to_precision(self.quiet, last))
        await self.market_streams()
        await self.orders_by_socket()
        await self.user_streams()
        if self.given.product == "usdm":
            await self.futures_only()
        await self.book()

    async def market_streams(self):
        exchange = self.exchange
        with check("watch trades"):
            trades = await within(exchange.watch_trades(self.busy))
            has(trades[-1], "id", "price", "amount", "side", "timestamp")
        with check("watch trades of several symbols"):
            holds(await within(exchange.watch_trades_for_symbols([self.quiet, self.busy])))
        with check("watch ticker"):
            has(await within(exchange.watch_ticker(self.busy)), "last", "high", "low", "baseVolume", "percentage")
        with check("watch tickers"):
            holds(self.busy in await within(exchange.watch_tickers([self.busy])))
        with check("watch klines"):
            rows = []
            # The first may be of a minute that has only just begun.
            while not traded(rows):
                rows = await within(exchange.watch_ohlcv(self.busy, "1m"))
            holds(rows[-1][2] >= rows[-1][3] > 0, rows[-1])
        with check("watch best bids and asks"):
            row = (await within(exchange.watch_bids_asks([self.busy])))[self.busy]
            holds(0 < row["bid"] < row["ask"], row)

    async def orders_by_socket(self):
        exchange = self.exchange
        with check("order by websocket"):
            made = await within(exchange.create_order_ws(self.quiet, "limit", "sell", AMOUNT, self.price * 1.01))
            same(made["status"], "open")
        with check("post-only order by websocket"):
            maker = await within(
                exchange.create_order_ws(self.quiet, "limit", "sell", AMOUNT, self.price * 1.02, {"postOnly": True})
            )
            has(maker, "id")
        with check("order status by websocket"):
            found = await within(exchange.fetch_order_ws(made["id"], self.quiet))
            same((found["id"], found["status"]), (made["id"], "open"))
        with check("change by websocket"):
            edited = await within(
                exchange.edit_order_ws(made["id"], self.quiet, "limit", "sell", AMOUNT * 2, self.price * 1.03)
            )
            same((edited["amount"], edited["status"]), (AMOUNT * 2, "open"))
        with check("cancel by websocket"):
            gone = await within(exchange.cancel_order_ws(edited["id"], self.quiet))
            same(gone["status"], "canceled")
        with check.refused("refusal by websocket", "-2011", by=ccxt.OrderNotFound):
            await within(exchange.cancel_order_ws("999999999", self.quiet))
        if self.given.product == "spot":
            with check("open orders by websocket"):
                same([row["id"] for row in await within(exchange.fetch_open_orders_ws(self.quiet))], [maker["id"]])
            with check("cancel all by websocket"):
                await within(exchange.cancel_all_orders_ws(self.quiet))
                same(await within(exchange.fetch_open_orders_ws(self.quiet)), [])
            with check("order history by websocket"):
                holds(len(await within(exchange.fetch_orders_ws(self.quiet))) >= 3)
            with check("trades by websocket"):
                has((await within(exchange.fetch_trades_ws(self.busy)))[-1], "id", "price", "amount")
            with check("klines by websocket"):
                holds(traded(await within(exchange.fetch_ohlcv_ws(self.busy, "1m"))))
        else:
            with check("ticker by websocket"):
                has(await within(exchange.fetch_ticker_ws(self.busy)), "bid", "ask")
            with check("order book by websocket"):
                book = await within(exchange.fetch_order_book_ws(self.busy, 20))
                holds(book["bids"] and book["asks"], book)
            with check("balance by websocket"):
                asked = {"type": "linear", "method": "v2/account.balance"}
                holds((await within(exchange.fetch_balance_ws(asked)))["USDT"]["total"] > 0)
            with check("positions by websocket"):
                await within(exchange.fetch_positions_ws([self.busy]))
            await within(exchange.cancel_all_orders(self.quiet))

    async def user_streams(self):
        """An order's life on the user stream: placed, filled by another, with its trade and the balances."""
        exchange, orders, trades, balances = self.exchange, [], [], []
        watching = [
            asyncio.create_task(collect(lambda: exchange.watch_orders(self.quiet), orders)),
            asyncio.create_task(collect(lambda: exchange.watch_my_trades(self.quiet), trades)),
            asyncio.create_task(collect(exchange.watch_balance, balances)),
        ]
        with check("watch own orders"):
            await self.listening(orders)
            maker = await within(exchange.create_order(self.quiet, "limit", "sell", AMOUNT, self.price))
            await arrives(lambda: [row for row in orders if (row["id"], row["status"]) == (maker["id"], "open")])
        with check("watch an own order fill"):
            taker = await within(exchange.create_order(self.quiet, "limit", "buy", AMOUNT, self.price, {"timeInForce": "IOC"}))
            done = lambda: [row for row in orders if (row["id"], row["status"]) == (maker["id"], "closed")]
            same((await arrives(done))[0]["filled"], AMOUNT)
        with check("watch own trades"):
            # Both legs of one's own pair have one trade id, under which the client keeps one of them.
            rows = await arrives(lambda: [row for row in trades if row["order"] in (maker["id"], taker["id"])])
            same((rows[0]["price"], rows[0]["amount"]), (self.price, AMOUNT))
        with check("watch own balance"):
            holds((await arrives(lambda: balances))[-1]["USDT"]["total"] > 0)
        with check("watching goes on"):
            for task in watching:
                if task.done():
                    task.result()
                task.cancel()

    async def listening(self, orders):
        """Until the user stream stands, which the client does not tell: orders are made until one shows."""
        for _ in range(150):
            made = await self.exchange.create_order(self.quiet, "limit", "buy", AMOUNT, self.price * 0.97)
            await self.exchange.cancel_order(made["id"], self.quiet)
            await asyncio.sleep(0.2)
            if orders:
                return
        raise AssertionError("no own order was seen")

    async def futures_only(self):
        exchange = self.exchange
        with check("watch mark price"):
            holds((await within(exchange.watch_mark_price(self.quiet)))["markPrice"] > 0)
        with check("watch positions"):
            positions = asyncio.create_task(exchange.watch_positions([self.busy]))
            await asyncio.sleep(0)
            for _ in range(60):
                await exchange.create_order(self.busy, "market", "buy", 0.05)
                if (await asyncio.wait([positions], timeout=0.5))[0]:
                    break
            row = [row for row in await within(positions) if row["symbol"] == self.busy][-1]
            same(row["side"], "long")
        held = (await exchange.fetch_positions([self.busy]))[0]["contracts"]
        await exchange.create_order(self.busy, "market", "sell", held, None, {"reduceOnly": True})

    async def book(self):
        """The client's own local book, against snapshots of the venue, for as long as was asked for."""
        exchange, seconds, seen = self.exchange, self.given.seconds, Seen()
        snapshots = count_calls(exchange, "fetch_rest_order_book_safe")
        begun = time.monotonic()

        async def follow():
            while True:
                book = await exchange.watch_order_book(self.busy)
                seen.note(book["nonce"], book["bids"], book["asks"])

        with check("local book under load, never out of step"):
            task = asyncio.create_task(follow())
            while seen.wants_more(begun, seconds) and not task.done():
                taken = await self.snapshot()
                for _ in range(100):
                    if seen.last >= taken["lastUpdateId"] or task.done():
                        break
                    await asyncio.sleep(0.02)
                seen.compare(taken)
                await asyncio.sleep(0.3)
            if task.done():
                task.result()
            task.cancel()
            print(f"     {seen.judge(seconds)}, {snapshots['calls']} snapshots fetched by the client")
            same(snapshots["calls"], 1)

    async def snapshot(self):
        fetch = self.exchange.public_get_depth if self.given.product == "spot" else self.exchange.fapipublic_get_depth
        taken = await fetch({"symbol": "ETHUSDT", "limit": 100})
        return taken | {"lastUpdateId": int(taken["lastUpdateId"])}


def count_calls(exchange, name):
    """Counts the calls of a method of the client; what it does stays as it is."""
    counted, method = {"calls": 0}, getattr(exchange, name)

    async def counting(*given, **named):
        counted["calls"] += 1
        return await method(*given, **named)

    setattr(exchange, name, counting)
    return counted


async def main():
    given = arguments(__doc__)
    exchange = client(given)
    try:
        await Session(exchange, given).run()
    finally:
        await exchange.close()
    return check.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
