"""A stock python-binance, unchanged but for its addresses: REST, WS API, streams, user stream, local book.

    python python_binance.py spot|usdm http://HOST:PORT [SECONDS]
"""

import asyncio
import sys
import time

from binance import AsyncClient, BinanceSocketManager, Client, DepthCacheManager
from binance.base_client import BaseClient
from binance.exceptions import BinanceAPIException, BinanceOrderException

from common import (
    BUSY, KEY, QUIET, SECRET, SOON, Book, Checks, Seen, arguments, has, holds, same, soon, tells_time, traded,
)

AMOUNT = "0.002"
REFUSALS = (BinanceAPIException, BinanceOrderException)
check = Checks()


def redirect(given):
    """All addresses are constants of the classes."""
    BaseClient.API_URL = f"{given.address}/api"
    BaseClient.FUTURES_URL = f"{given.address}/fapi"
    BaseClient.WS_API_URL = f"{given.socket}/ws-api/v3"
    BaseClient.WS_FUTURES_URL = f"{given.socket}/ws-fapi/v1"
    BinanceSocketManager.STREAM_URL = f"{given.socket}/"
    BinanceSocketManager.FSTREAM_URL = f"{given.socket}/usdm/"


def price_of(price, rate=1.0):
    return f"{round(float(price) * rate, 1):.1f}"


async def streamed(socket, condition, seconds=SOON):
    """The first message of a stream that satisfies."""

    async def loop():
        async with socket as stream:
            while True:
                message = await stream.recv()
                if condition(message):
                    return message

    return await asyncio.wait_for(loop(), seconds)


class Spot:
    def __init__(self, given):
        self.given = given

    def rest(self):
        client = self.client = Client(KEY, SECRET)
        with check("server time"):
            tells_time(lambda: client.get_server_time()["serverTime"])
        with check("exchange info"):
            names = [row["symbol"] for row in client.get_exchange_info()["symbols"]]
            holds(QUIET in names and BUSY in names, names)
        with check("symbol info"):
            info = client.get_symbol_info(QUIET)
            holds({"PRICE_FILTER", "LOT_SIZE"} <= {row["filterType"] for row in info["filters"]}, info["filters"])
        with check("depth"):
            book = soon(lambda: self.deep(client.get_order_book(symbol=BUSY)), "depth")
            holds(float(book["bids"][0][0]) < float(book["asks"][0][0]), book)
        with check("recent trades"):
            has(soon(lambda: client.get_recent_trades(symbol=BUSY), "trades")[-1], "id", "price", "qty", "quoteQty", "time")
        with check("historical trades"):
            has(client.get_historical_trades(symbol=BUSY)[-1], "id", "price", "qty")
        with check("aggregate trades"):
            has(client.get_aggregate_trades(symbol=BUSY)[-1], "a", "p", "q", "f", "l", "T")
        with check("klines"):
            holds(traded(client.get_klines(symbol=BUSY, interval=Client.KLINE_INTERVAL_1MINUTE)))
        with check("historical klines"):
            holds(client.get_historical_klines(BUSY, Client.KLINE_INTERVAL_1MINUTE, "10 minutes ago UTC"))
        with check("average price"):
            holds(float(client.get_avg_price(symbol=BUSY)["price"]) > 0)
        with check("tickers"):
            has(client.get_ticker(symbol=BUSY), "lastPrice", "openPrice", "volume", "count", "weightedAvgPrice")
            holds(len(client.get_ticker()) >= 2)
            holds(float(client.get_symbol_ticker(symbol=BUSY)["price"]) > 0)
            holds(BUSY in [row["symbol"] for row in client.get_all_tickers()])
            holds(BUSY in [row["symbol"] for row in client.get_orderbook_tickers()])
        self.price = price_of(client.get_symbol_ticker(symbol=QUIET)["price"] or 64000)
        if float(self.price) == 0:
            self.price = "64000.0"
        self.orders()
        self.account()

    @staticmethod
    def deep(book):
        return book if len(book["bids"]) > 5 and len(book["asks"]) > 5 else None

    def orders(self):
        client, price = self.client, self.price
        with check("test order"):
            test = {"symbol": QUIET, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT}
            same(client.create_test_order(price=price, **test), {})
        with check("limit order"):
            order = client.order_limit_sell(symbol=QUIET, quantity=AMOUNT, price=price_of(price, 1.01))
            same((order["status"], order["executedQty"]), ("NEW", "0.00000000"))
        with check("query"):
            same(client.get_order(symbol=QUIET, orderId=order["orderId"])["status"], "NEW")
            same(client.get_order(symbol=QUIET, origClientOrderId=order["clientOrderId"])["orderId"], order["orderId"])
        with check("open orders"):
            same([row["orderId"] for row in client.get_open_orders(symbol=QUIET)], [order["orderId"]])
            same([row["orderId"] for row in client.get_open_orders()], [order["orderId"]])
        with check("locked balance"):
            same(float(client.get_asset_balance("BTC")["locked"]), float(AMOUNT))
        with check("cancel and replace"):
            answer = client.cancel_replace_order(
                symbol=QUIET, side="SELL", type="LIMIT", timeInForce="GTC", quantity="0.003", price=price_of(price, 1.02),
                cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order["orderId"],
            )
            same((answer["cancelResult"], answer["newOrderResult"]), ("SUCCESS", "SUCCESS"))
            order = answer["newOrderResponse"]
        with check("amend, keeping priority"):
            amend = {"symbol": QUIET, "orderId": order["orderId"], "newQty": AMOUNT}
            answer = client._put("order/amend/keepPriority", True, data=amend, version="v3")
            same(float(answer["amendedOrder"]["qty"]), float(AMOUNT))
        with check("cancel"):
            same(client.cancel_order(symbol=QUIET, orderId=order["orderId"])["status"], "CANCELED")
        with check("post-only order"):
            self.maker = client.create_order(symbol=QUIET, side="SELL", type="LIMIT_MAKER", quantity=AMOUNT, price=price)
            has(self.maker, "orderId", "transactTime")
        with check.refused("post-only order that would take", "-2010", "immediately match", by=REFUSALS):
            client.create_order(symbol=QUIET, side="BUY", type="LIMIT_MAKER", quantity=AMOUNT, price=price)
        with check("IOC"):
            self.taker = client.order_limit_buy(symbol=QUIET, quantity=AMOUNT, price=price, timeInForce="IOC")
            same((self.taker["status"], len(self.taker["fills"])), ("FILLED", 1))
        with check("IOC that meets nothing"):
            same(client.order_limit_buy(symbol=QUIET, quantity=AMOUNT, price=price, timeInForce="IOC")["status"], "EXPIRED")
        with check("FOK"):
            client.order_limit_sell(symbol=QUIET, quantity=AMOUNT, price=price)
            same(client.order_limit_buy(symbol=QUIET, quantity="0.003", price=price, timeInForce="FOK")["status"], "EXPIRED")
            same(client.order_limit_buy(symbol=QUIET, quantity=AMOUNT, price=price, timeInForce="FOK")["status"], "FILLED")
        with check("market order"):
            same(client.order_market_buy(symbol=BUSY, quantity="0.02")["status"], "FILLED")
            same(client.order_market_sell(symbol=BUSY, quoteOrderQty="50")["status"], "FILLED")
        with check.refused("unknown order", "-2011", by=REFUSALS):
            client.cancel_order(symbol=QUIET, orderId=999999999)
        with check.refused("unknown symbol", "-1121", by=REFUSALS):
            client.order_limit_buy(symbol="NOSUCH", quantity=AMOUNT, price=price)
        with check.refused("a price off the tick", "-1013", "PRICE_FILTER", by=REFUSALS):
            client.order_limit_buy(symbol=QUIET, quantity=AMOUNT, price="60000.12345")
        with check("cancel all"):
            client.order_limit_sell(symbol=QUIET, quantity=AMOUNT, price=price_of(price, 1.01))
            client.cancel_all_open_orders(symbol=QUIET)
            same(client.get_open_orders(symbol=QUIET), [])

    def account(self):
        client = self.client
        with check("account"):
            account = client.get_account()
            has(account, "balances", "commissionRates", "canTrade", "permissions", "accountType", "updateTime")
        with check("order history"):
            statuses = {row["orderId"]: row["status"] for row in client.get_all_orders(symbol=QUIET)}
            same((statuses[self.maker["orderId"]], statuses[self.taker["orderId"]]), ("FILLED", "FILLED"))
        with check("own trades"):
            rows = client.get_my_trades(symbol=QUIET, orderId=self.taker["orderId"])
            same([(row["isMaker"], row["qty"]) for row in rows], [(False, f"{float(AMOUNT):.8f}")])
        with check("order counts"):
            holds(client.get_current_order_count(), "nothing")
        with check("prevented matches"):
            same(client.get_prevented_matches(symbol=QUIET, orderId=self.taker["orderId"]), [])

    async def sockets(self):
        self.client = await AsyncClient.create(KEY, SECRET)
        try:
            self.manager = BinanceSocketManager(self.client, max_queue_size=10000)
            await self.by_socket()
            await self.streams()
            await self.user()
            await self.book()
        finally:
            await self.client.close_connection()

    async def by_socket(self):
        client, price = self.client, self.price
        with check("WS API: time, ping, book, trades"):
            await client.ws_ping()
            holds((await client.ws_get_time())["serverTime"] > 0)
            holds((await client.ws_get_order_book(symbol=BUSY))["bids"])
            holds(await client.ws_get_recent_trades(symbol=BUSY))
            holds(await client.ws_get_aggregate_trades(symbol=BUSY))
        with check("WS API: klines and tickers"):
            holds(await client.ws_get_klines(symbol=BUSY, interval="1m"))
            has(await client.ws_get_ticker(symbol=BUSY), "lastPrice")
            has(await client.ws_get_symbol_ticker(symbol=BUSY), "price")
            has(await client.ws_get_orderbook_ticker(symbol=BUSY), "bidPrice")
            has(await client.ws_get_avg_price(symbol=BUSY), "price")
        with check("WS API: order, query, cancel"):
            made = await client.ws_order_limit_sell(symbol=QUIET, quantity=AMOUNT, price=price_of(price, 1.01))
            same(made["status"], "NEW")
            same((await client.ws_get_order(symbol=QUIET, orderId=made["orderId"]))["status"], "NEW")
            same([row["orderId"] for row in await client.ws_get_open_orders(symbol=QUIET)], [made["orderId"]])
            same((await client.ws_cancel_order(symbol=QUIET, orderId=made["orderId"]))["status"], "CANCELED")
        with check("WS API: cancel and replace"):
            made = await client.ws_order_limit_sell(symbol=QUIET, quantity=AMOUNT, price=price_of(price, 1.01))
            answer = await client.ws_cancel_and_replace_order(
                symbol=QUIET, side="SELL", type="LIMIT", timeInForce="GTC", quantity=AMOUNT, price=price_of(price, 1.02),
                cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=made["orderId"],
            )
            same(answer["newOrderResult"], "SUCCESS")
            await client.ws_cancel_all_open_orders(symbol=QUIET)
            same(await client.ws_get_open_orders(symbol=QUIET), [])
        with check("WS API: account"):
            has(await client.ws_get_account(), "balances", "permissions")
            holds(await client.ws_get_account_rate_limits_orders())
            holds(await client.ws_get_all_orders(symbol=QUIET))
            holds(await client.ws_get_my_trades(symbol=QUIET))
            has(await client.ws_get_commission_rates(symbol=QUIET), "standardCommission")
        with check("WS API: exchange info"):
            holds((await client.ws_get_exchange_info(symbol=QUIET))["symbols"])
        with check.refused("WS API: refusal", "-2011", by=REFUSALS):
            await client.ws_cancel_order(symbol=QUIET, orderId=999999999)

    async def streams(self):
        manager = self.manager
        for name, socket, fields in (
            ("trade", manager.trade_socket(BUSY), "e E s t p q T m"),
            ("aggTrade", manager.aggtrade_socket(BUSY), "e E s a p q f l T m"),
            ("kline", manager.kline_socket(BUSY, "1m"), "e E s k"),
            ("ticker", manager.symbol_ticker_socket(BUSY), "e E s p P w c o h l v q"),
            ("miniTicker", manager.symbol_miniticker_socket(BUSY), "e E s c o h l v q"),
            ("bookTicker", manager.symbol_book_ticker_socket(BUSY), "u s b B a A"),
            ("partial book", manager.depth_socket(BUSY, depth="5"), "lastUpdateId bids asks"),
            ("diffs", manager.depth_socket(BUSY, interval=100), "e E s U u b a"),
        ):
            with check(f"stream: {name}"):
                message = await streamed(socket, lambda message: True)
                has(message, *fields.split())
        with check("stream: several at once"):
            seen = set()
            wanted = {f"{BUSY.lower()}@trade", f"{BUSY.lower()}@bookTicker"}
            socket = manager.multiplex_socket(sorted(wanted))
            await streamed(socket, lambda message: seen.add(message["stream"]) or seen == wanted)
        with check("stream: all mini tickers"):
            rows = await streamed(manager.miniticker_socket(), lambda message: True)
            holds(BUSY in [row["s"] for row in rows], rows)

    async def user(self):
        with check("user stream"):
            async with self.manager.user_socket() as stream:
                made = await self.client.order_limit_sell(symbol=QUIET, quantity=AMOUNT, price=self.price)
                await self.client.order_limit_buy(symbol=QUIET, quantity=AMOUNT, price=self.price, timeInForce="IOC")
                kinds = await self.own_events(stream, lambda event: event.get("i") == made["orderId"] and event["X"] == "FILLED")
                holds({"NEW", "TRADE", "outboundAccountPosition"} <= kinds, kinds)

    async def own_events(self, stream, last):
        """The kinds of all events until the last one, and of the account position that goes with it."""
        kinds = set()

        async def loop():
            done = False
            while not (done and {"outboundAccountPosition", "ACCOUNT_UPDATE"} & kinds):
                event = await stream.recv()
                order = event.get("o") if isinstance(event.get("o"), dict) else event
                kinds.add(order.get("x", event["e"]))
                done = done or ("X" in order and last(order))

        await asyncio.wait_for(loop(), SOON)
        return kinds

    async def book(self):
        seconds, seen = self.given.seconds, Seen()
        with check("local book under load, never out of step"):
            manager = DepthCacheManager(self.client, BUSY, ws_interval=100, limit=1000, refresh_interval=0, bm=self.manager)
            starts = count_calls(manager, "_init_cache")
            async with manager as stream:
                # The client fetches its snapshot before its stream is open, so its first diffs may start it over.
                for _ in range(5):
                    await asyncio.wait_for(stream.recv(), SOON)
                starts["calls"] = 0

                async def follow():
                    while True:
                        cache = await stream.recv()
                        seen.note(manager._last_update_id, cache.get_bids(), cache.get_asks())

                await self.hold(asyncio.create_task(follow()), seen, lambda: self.client.get_order_book(symbol=BUSY, limit=100))
            print(f"     {seen.judge(seconds)}, {starts['calls']} times started over")
            same(starts["calls"], 0)

    async def hold(self, task, seen, snapshot):
        """Holds the book against snapshots, for as long as was asked for."""
        begun = time.monotonic()
        while seen.wants_more(begun, self.given.seconds) and not task.done():
            taken = await snapshot()
            for _ in range(100):
                if seen.last >= taken["lastUpdateId"] or task.done():
                    break
                await asyncio.sleep(0.02)
            seen.compare(taken)
            await asyncio.sleep(0.3)
        if task.done():
            task.result()
        task.cancel()


def count_calls(thing, name):
    """Counts the calls of a method; what it does stays as it is."""
    counted, method = {"calls": 0}, getattr(thing, name)

    async def counting(*given, **named):
        counted["calls"] += 1
        return await method(*given, **named)

    setattr(thing, name, counting)
    return counted


class UsdM(Spot):
    def rest(self):
        client = self.client = Client(KEY, SECRET)
        with check("server time"):
            client.futures_ping()
            tells_time(lambda: client.futures_time()["serverTime"])
        with check("exchange info"):
            info = client.futures_exchange_info()
            has(info, "rateLimits", "assets", "symbols")
            holds(BUSY in [row["symbol"] for row in info["symbols"]])
        with check("depth"):
            book = soon(lambda: self.deep(client.futures_order_book(symbol=BUSY)), "depth")
            has(book, "lastUpdateId", "E", "T")
        with check("recent trades"):
            has(soon(lambda: client.futures_recent_trades(symbol=BUSY), "trades")[-1], "id", "price", "qty", "quoteQty", "time")
        with check("historical trades"):
            has(client.futures_historical_trades(symbol=BUSY)[-1], "id", "price", "qty")
        with check("aggregate trades"):
            has(client.futures_aggregate_trades(symbol=BUSY)[-1], "a", "p", "q", "f", "l", "T")
        with check("klines"):
            holds(traded(client.futures_klines(symbol=BUSY, interval="1m")))
        with check("continuous klines"):
            holds(client.futures_continuous_klines(pair=BUSY, contractType="PERPETUAL", interval="1m"))
        with check("mark price"):
            holds(float(client.futures_mark_price(symbol=QUIET)["markPrice"]) > 0)
        with check("tickers"):
            has(client.futures_ticker(symbol=BUSY), "lastPrice", "openPrice", "volume", "count", "weightedAvgPrice")
            holds(float(client.futures_symbol_ticker(symbol=BUSY)["price"]) > 0)
            has(client.futures_orderbook_ticker(symbol=BUSY), "bidPrice", "askPrice", "time")
        with check("open interest"):
            has(client.futures_open_interest(symbol=BUSY), "openInterest", "time")
        self.price = price_of(client.futures_mark_price(symbol=QUIET)["markPrice"])
        self.orders()
        self.batches()
        self.settings()
        self.account()

    def order(self, side, price, quantity=AMOUNT, timeInForce="GTC", **more):
        return self.client.futures_create_order(
            symbol=QUIET, side=side, type="LIMIT", timeInForce=timeInForce, quantity=quantity, price=price,
            newOrderRespType="RESULT", **more,
        )

    def orders(self):
        client, price = self.client, self.price
        with check("test order"):
            test = {"symbol": QUIET, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT}
            client.futures_create_test_order(price=price, **test)
        with check("limit order"):
            order = self.order("SELL", price_of(price, 1.01))
            same((order["status"], float(order["executedQty"])), ("NEW", 0.0))
        with check("query"):
            same(client.futures_get_order(symbol=QUIET, orderId=order["orderId"])["status"], "NEW")
            same(client.futures_get_order(symbol=QUIET, origClientOrderId=order["clientOrderId"])["orderId"], order["orderId"])
            same(client.futures_v1_get_open_order(symbol=QUIET, orderId=order["orderId"])["status"], "NEW")
        with check("open orders"):
            same([row["orderId"] for row in client.futures_get_open_orders(symbol=QUIET)], [order["orderId"]])
            same([row["orderId"] for row in client.futures_get_open_orders()], [order["orderId"]])
        with check("modify"):
            edited = client.futures_modify_order(
                symbol=QUIET, orderId=order["orderId"], side="SELL", quantity="0.003", price=price_of(price, 1.02)
            )
            same((edited["orderId"], float(edited["origQty"])), (order["orderId"], 0.003))
        with check("amendments"):
            rows = client.futures_v1_get_order_amendment(symbol=QUIET, orderId=order["orderId"])
            has(rows[0], "amendmentId", "amendment")
        with check("cancel"):
            same(client.futures_cancel_order(symbol=QUIET, orderId=order["orderId"])["status"], "CANCELED")
        with check("post-only order"):
            self.maker = self.order("SELL", price, timeInForce="GTX")
            same(self.maker["status"], "NEW")
        with check.refused("post-only order that would take", "-5022", by=REFUSALS):
            self.order("BUY", price, timeInForce="GTX")
        with check("IOC"):
            self.taker = self.order("BUY", price, timeInForce="IOC")
            same((self.taker["status"], float(self.taker["avgPrice"])), ("FILLED", float(price)))
        with check("IOC that meets nothing"):
            same(self.order("BUY", price, timeInForce="IOC")["status"], "EXPIRED")
        with check("FOK"):
            self.order("SELL", price)
            same(self.order("BUY", price, timeInForce="FOK")["status"], "FILLED")
        with check.refused("unknown order", "-2011", by=REFUSALS):
            client.futures_cancel_order(symbol=QUIET, orderId=999999999)
        with check.refused("unknown symbol", "-1121", by=REFUSALS):
            client.futures_create_order(symbol="NOSUCH", side="BUY", type="MARKET", quantity=AMOUNT)
        with check("cancel all"):
            self.order("SELL", price_of(price, 1.01))
            same(client.futures_cancel_all_open_orders(symbol=QUIET)["code"], 200)
            same(client.futures_get_open_orders(symbol=QUIET), [])
        with check("countdown"):
            same(client.futures_countdown_cancel_all(symbol=QUIET, countdownTime=60000)["countdownTime"], "60000")
            client.futures_countdown_cancel_all(symbol=QUIET, countdownTime=0)

    def batches(self):
        client, price = self.client, self.price
        row = {"symbol": QUIET, "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT}
        with check("batch of orders"):
            made = client.futures_place_batch_order(
                batchOrders=[row | {"price": price_of(price, 1.01)}, row | {"price": price_of(price, 1.02), "timeInForce": "GTX"}]
            )
            same([order["status"] for order in made], ["NEW", "NEW"])
        with check("batch with one that is refused"):
            self.order("BUY", price)
            late = row | {"price": price, "timeInForce": "GTX"}
            mixed = client.futures_place_batch_order(batchOrders=[late, row | {"price": price_of(price, 1.03)}])
            holds("code" in mixed[0] and mixed[1]["status"] == "NEW", mixed)
        with check("batch of cancels"):
            gone = client.futures_cancel_orders(symbol=QUIET, orderidlist=[order["orderId"] for order in made])
            same([order["status"] for order in gone], ["CANCELED"] * 2)
            client.futures_cancel_all_open_orders(symbol=QUIET)

    def settings(self):
        client = self.client
        with check("leverage"):
            same(client.futures_change_leverage(symbol=QUIET, leverage=10)["leverage"], 10)
            holds(client.futures_leverage_bracket(symbol=QUIET))
        with check("hedge mode"):
            client.futures_change_position_mode(dualSidePosition="true")
            same(client.futures_get_position_mode()["dualSidePosition"], True)
            self.order("SELL", self.price, positionSide="SHORT")
            self.order("BUY", self.price, timeInForce="IOC", positionSide="LONG")
            held = {row["positionSide"]: float(row["positionAmt"]) for row in client.futures_position_information(symbol=QUIET)}
            same((held["LONG"], held["SHORT"]), (float(AMOUNT), -float(AMOUNT)))
            self.order("BUY", self.price, positionSide="SHORT")
            self.order("SELL", self.price, timeInForce="IOC", positionSide="LONG")
            client.futures_change_position_mode(dualSidePosition="false")
        with check.refused("no change of the position mode", "-4059", by=REFUSALS):
            client.futures_change_position_mode(dualSidePosition="false")
        with check("multi-assets mode"):
            same(client.futures_get_multi_assets_mode()["multiAssetsMargin"], False)
        with check("configuration"):
            has(client.futures_account_config(), "feeTier", "dualSidePosition")
            holds(QUIET in [row["symbol"] for row in client.futures_symbol_config(symbol=QUIET)])
            has(client.futures_commission_rate(symbol=QUIET), "makerCommissionRate", "takerCommissionRate")

    def account(self):
        client = self.client
        with check("market order and position"):
            market = {"symbol": BUSY, "type": "MARKET", "quantity": "0.05", "newOrderRespType": "RESULT"}
            bought = client.futures_create_order(side="BUY", **market)
            same(bought["status"], "FILLED")
            row = [row for row in client.futures_position_information(symbol=BUSY) if float(row["positionAmt"])][0]
            same(float(row["positionAmt"]), 0.05)
            has(row, "entryPrice", "markPrice", "unRealizedProfit", "liquidationPrice", "notional", "updateTime")
            sold = client.futures_create_order(side="SELL", reduceOnly="true", **market)
            same(sold["status"], "FILLED")
        with check("balance"):
            rows = {row["asset"]: row for row in client.futures_account_balance()}
            holds(float(rows["USDT"]["availableBalance"]) > 0, rows)
        with check("account"):
            has(client.futures_account(), "totalWalletBalance", "availableBalance", "assets", "positions")
        with check("order history"):
            statuses = {row["orderId"]: row["status"] for row in client.futures_get_all_orders(symbol=QUIET)}
            same((statuses[self.maker["orderId"]], statuses[self.taker["orderId"]]), ("FILLED", "FILLED"))
        with check("own trades"):
            rows = client.futures_account_trades(symbol=QUIET, orderId=self.taker["orderId"])
            same([(row["maker"], float(row["qty"])) for row in rows], [(False, float(AMOUNT))])
            has(rows[0], "realizedPnl", "commission", "commissionAsset", "positionSide", "quoteQty")
        with check("order counts"):
            holds(client.futures_v1_get_rate_limit_order())

    async def by_socket(self):
        client, price = self.client, self.price
        with check("WS API: book and tickers"):
            holds((await client.ws_futures_get_order_book(symbol=BUSY))["bids"])
            has(await client.ws_futures_get_all_tickers(symbol=BUSY), "price")
            has(await client.ws_futures_get_order_book_ticker(symbol=BUSY), "bidPrice")
        with check("WS API: order, query, change, cancel"):
            made = await client.ws_futures_create_order(
                symbol=QUIET, side="SELL", type="LIMIT", timeInForce="GTX", quantity=AMOUNT, price=price_of(price, 1.01)
            )
            same((await client.ws_futures_get_order(symbol=QUIET, orderId=made["orderId"]))["status"], "NEW")
            edited = await client.ws_futures_edit_order(
                symbol=QUIET, orderId=made["orderId"], side="SELL", quantity="0.003", price=price_of(price, 1.02)
            )
            same(float(edited["origQty"]), 0.003)
            same((await client.ws_futures_cancel_order(symbol=QUIET, orderId=made["orderId"]))["status"], "CANCELED")
        with check("WS API: account"):
            holds(await client.ws_futures_v2_account_balance())
            has(await client.ws_futures_v2_account_status(), "totalWalletBalance", "assets")
            await client.ws_futures_v2_account_position(symbol=QUIET)
        with check.refused("WS API: refusal", "-2011", by=REFUSALS):
            await client.ws_futures_cancel_order(symbol=QUIET, orderId=999999999)

    async def streams(self):
        manager, name = self.manager, BUSY.lower()
        # The client names a stream's path itself: public or market.
        for stream, fields, category in (
            ("aggTrade", "e E s a p q f l T m", "market"),
            ("kline_1m", "e E s k", "market"),
            ("ticker", "e E s p P w c o h l v q", "market"),
            ("miniTicker", "e E s c o h l v q", "market"),
            ("markPrice@1s", "e E s p i P r T", "market"),
            ("bookTicker", "e u E T s b B a A", "public"),
            ("depth5@100ms", "e E T s U u pu b a", "public"),
            ("depth@100ms", "e E T s U u pu b a", "public"),
        ):
            with check(f"stream: {stream}"):
                socket = manager.futures_multiplex_socket([f"{name}@{stream}"], category=category)
                message = await streamed(socket, lambda message: True)
                same(message["stream"], f"{name}@{stream}")
                has(message["data"], *fields.split())
        with check("stream: mark price socket"):
            message = await streamed(manager.symbol_mark_price_socket(QUIET), lambda message: True)
            holds(float(message["data"]["p"]) > 0, message)
        with check("stream: kline socket"):
            message = await streamed(manager.kline_futures_socket(BUSY), lambda message: True)
            has(message, "e", "k")
        with check("stream: partial book socket"):
            has((await streamed(manager.futures_depth_socket(BUSY), lambda message: True))["data"], "b", "a")

    async def user(self):
        with check("user stream"):
            async with self.manager.futures_user_socket() as stream:
                order = {"symbol": QUIET, "type": "LIMIT", "quantity": AMOUNT, "price": self.price}
                made = await self.client.futures_create_order(side="SELL", timeInForce="GTX", **order)
                await self.client.futures_create_order(side="BUY", timeInForce="IOC", **order)
                kinds = await self.own_events(stream, lambda event: event["i"] == made["orderId"] and event["X"] == "FILLED")
                holds({"NEW", "TRADE", "ACCOUNT_UPDATE"} <= kinds, kinds)

    async def book(self):
        """The client's futures book is the partial stream; its diffs are followed by the venue's rules."""
        seconds = self.given.seconds
        snapshots = Client(KEY, SECRET)
        with check("local book under load, never out of step"):
            book = Book(lambda: snapshots.futures_order_book(symbol=BUSY, limit=1000), futures=True)
            socket = self.manager.futures_multiplex_socket([f"{BUSY.lower()}@depth@100ms"], category="public")
            async with socket as stream:

                async def follow():
                    while True:
                        book.take((await stream.recv())["data"])

                snapshot = lambda: self.client.futures_order_book(symbol=BUSY, limit=100)
                await self.hold(asyncio.create_task(follow()), book.seen, snapshot)
            print(f"     {book.seen.judge(seconds)}, {book.resyncs} times started over")
            same(book.resyncs, 0)


async def main():
    given = arguments(__doc__)
    redirect(given)
    session = Spot(given) if given.product == "spot" else UsdM(given)
    await asyncio.to_thread(session.rest)
    await session.sockets()
    return check.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
