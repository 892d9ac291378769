"""The stock modular SDK for Spot, unchanged but for its addresses: REST, WS API, streams, user stream.

    python sdk_spot.py spot http://HOST:PORT [SECONDS]
"""

import asyncio
import sys

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import Error
from binance_sdk_spot.spot import Spot

from common import BUSY, KEY, QUIET, SECRET, Checks, arguments, has, holds, same, soon, tells_time, traded
from sdk import AMOUNT, Misfits, arrives, asked, deep, keep_book, plain, price_of, rest, streamed

check = Checks()
LIMIT = {"symbol": QUIET, "type": "LIMIT", "time_in_force": "GTC", "quantity": AMOUNT}


def client_of(given):
    return Spot(
        config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=given.address, timeout=10000),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=KEY, api_secret=SECRET, stream_url=f"{given.socket}/ws-api/v3", timeout=10000
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=given.socket),
    )


def market(api):
    with check("time and ping"):
        api.ping()
        tells_time(lambda: rest(api.time())["serverTime"])
    with check("exchange info"):
        row = rest(api.exchange_info(symbol=QUIET))["symbols"][0]
        has(row, "orderTypes", "filters", "permissionSets", "allowedSelfTradePreventionModes", "amendAllowed")
    with check("execution rules and reference price"):
        has(rest(api.execution_rules(symbol=QUIET)), "symbolRules")
    with check("depth"):
        soon(lambda: deep(rest(api.depth(symbol=BUSY))), "depth")
    with check("trades"):
        has(soon(lambda: rest(api.get_trades(symbol=BUSY)), "trades")[-1], "id", "price", "qty", "quoteQty", "time")
        has(rest(api.historical_trades(symbol=BUSY))[-1], "id", "price")
        has(rest(api.agg_trades(symbol=BUSY))[-1], "a", "p", "q", "f", "l", "T")
    with check("klines"):
        holds(traded(rest(api.klines(symbol=BUSY, interval="1m"))))
        holds(rest(api.ui_klines(symbol=BUSY, interval="1m")))
    with check("average price"):
        has(rest(api.avg_price(symbol=BUSY)), "price", "mins", "closeTime")
    with check("tickers"):
        has(rest(api.ticker24hr(symbol=BUSY)), "lastPrice", "openPrice", "volume", "count")
        has(rest(api.ticker(symbol=BUSY, window_size="1h")), "lastPrice", "openPrice")
        has(rest(api.ticker_trading_day(symbol=BUSY)), "lastPrice", "openPrice")
        has(rest(api.ticker_price(symbol=BUSY)), "price")
        has(rest(api.ticker_book_ticker(symbol=BUSY)), "bidPrice", "askPrice")


def orders(api, price):
    with check("test order"):
        api.order_test(side="SELL", price=price, **LIMIT)
    with check("limit order"):
        order = rest(api.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT))
        same(order["status"], "NEW")
    with check("query"):
        same(rest(api.get_order(QUIET, order_id=order["orderId"]))["status"], "NEW")
        same([row["orderId"] for row in rest(api.get_open_orders(QUIET))], [order["orderId"]])
    with check("cancel and replace"):
        answer = rest(
            api.order_cancel_replace(
                side="SELL", cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=order["orderId"],
                price=price_of(price, 1.02), **LIMIT | {"quantity": 0.003},
            )
        )
        same((answer["cancelResult"], answer["newOrderResult"]), ("SUCCESS", "SUCCESS"))
        order = answer["newOrderResponse"]
    with check("amend, keeping priority"):
        amended = rest(api.order_amend_keep_priority(QUIET, AMOUNT, order_id=order["orderId"]))
        same(float(amended["amendedOrder"]["qty"]), AMOUNT)
        holds(rest(api.order_amendments(QUIET, order["orderId"])), "no amendment")
    with check("cancel"):
        same(rest(api.delete_order(QUIET, order_id=order["orderId"]))["status"], "CANCELED")
    with check("post-only order"):
        maker = rest(api.new_order(QUIET, "SELL", "LIMIT_MAKER", quantity=AMOUNT, price=price))
        has(maker, "orderId")
    with check.refused("post-only order that would take", "immediately match", by=Error):
        api.new_order(QUIET, "BUY", "LIMIT_MAKER", quantity=AMOUNT, price=price)
    with check("IOC"):
        taker = rest(api.new_order(side="BUY", price=price, **LIMIT | {"time_in_force": "IOC"}))
        same((taker["status"], len(taker["fills"])), ("FILLED", 1))
    with check("FOK that meets nothing"):
        same(rest(api.new_order(side="BUY", price=price, **LIMIT | {"time_in_force": "FOK"}))["status"], "EXPIRED")
    with check("market order"):
        same(rest(api.new_order(BUSY, "BUY", "MARKET", quantity=0.02))["status"], "FILLED")
    with check.refused("unknown order", "Unknown order sent", by=Error):
        api.delete_order(QUIET, order_id=999999999)
    with check("cancel all"):
        api.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT)
        api.delete_open_orders(QUIET)
        same(rest(api.get_open_orders(QUIET)), [])
    with check("order history"):
        statuses = {row["orderId"]: row["status"] for row in rest(api.all_orders(QUIET))}
        same((statuses[maker["orderId"]], statuses[taker["orderId"]]), ("FILLED", "FILLED"))
    with check("own trades"):
        same([row["isMaker"] for row in rest(api.my_trades(QUIET, order_id=maker["orderId"]))], [True])
    with check("account"):
        has(rest(api.get_account()), "balances", "commissionRates", "permissions", "uid", "canTrade")
        holds(rest(api.rate_limit_order()))
        has(rest(api.account_commission(QUIET)), "standardCommission")
        has(rest(api.my_filters(QUIET)), "symbolFilters")
        same(rest(api.my_prevented_matches(QUIET, order_id=taker["orderId"])), [])


async def ws_api(client, price):
    api = client.websocket_api
    await api.create_connection()
    with check("WS API: market data"):
        await api.ping()
        holds((await asked(api.time()))["serverTime"] > 0)
        holds((await asked(api.exchange_info(symbol=QUIET)))["symbols"])
        holds((await asked(api.depth(symbol=BUSY)))["bids"])
        holds(await asked(api.trades_recent(symbol=BUSY)))
        holds(await asked(api.trades_aggregate(symbol=BUSY)))
        holds(await asked(api.klines(symbol=BUSY, interval="1m")))
        has(await asked(api.avg_price(symbol=BUSY)), "price")
        has(await asked(api.ticker24hr(symbol=BUSY)), "lastPrice")
        has(await asked(api.ticker_book(symbol=BUSY)), "bidPrice")
        has(await asked(api.ticker_price(symbol=BUSY)), "price")
    with check("WS API: order, query, cancel"):
        made = await asked(api.order_place(side="SELL", price=price_of(price, 1.01), new_order_resp_type="RESULT", **LIMIT))
        same(made["status"], "NEW")
        same((await asked(api.order_status(QUIET, order_id=made["orderId"])))["status"], "NEW")
        same([row["orderId"] for row in await asked(api.open_orders_status(symbol=QUIET))], [made["orderId"]])
        same((await asked(api.order_cancel(QUIET, order_id=made["orderId"])))["status"], "CANCELED")
    with check("WS API: cancel and replace"):
        made = await asked(api.order_place(side="SELL", price=price_of(price, 1.01), **LIMIT))
        answer = await asked(
            api.order_cancel_replace(
                side="SELL", cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=made["orderId"],
                price=price_of(price, 1.02), **LIMIT,
            )
        )
        same(answer["newOrderResult"], "SUCCESS")
        await asked(api.open_orders_cancel_all(QUIET))
        same(await asked(api.open_orders_status(symbol=QUIET)), [])
    with check("WS API: account"):
        has(await asked(api.account_status()), "balances", "permissions")
        holds(await asked(api.account_rate_limits_orders()))
        holds(await asked(api.all_orders(QUIET)))
        holds(await asked(api.my_trades(QUIET)))
        has(await asked(api.account_commission(QUIET)), "standardCommission")
    with check("WS API: refusal"):
        answer = (await api.order_cancel(QUIET, order_id=999999999)).data()
        holds("-2011" in str(answer), answer)
    with check("user stream"):
        seen = []
        answer = await api.user_data_stream_subscribe_signature()
        stream = answer.stream if hasattr(answer, "stream") else None
        if stream is None:
            number = plain(answer.data())["result"]["subscriptionId"]
            await api.subscribe_user_data(number)
            api.on("message", seen.append, number)
        else:
            stream.on("message", seen.append)
        made = await asked(api.order_place(QUIET, "SELL", "LIMIT_MAKER", quantity=AMOUNT, price=price))
        await asked(api.order_place(side="BUY", price=price, **LIMIT | {"time_in_force": "IOC"}))
        own = lambda: [event for event in map(plain, seen) if event.get("i") == made["orderId"] and event.get("X") == "FILLED"]
        await arrives(own)
        kinds = {event.get("x") for event in map(plain, seen)}
        holds({"NEW", "TRADE"} <= kinds, kinds)
    await api.close_connection(close_session=True)


async def market_streams(client, seconds):
    streams = client.websocket_streams
    await streams.create_connection()
    for name, subscribe, fields in (
        ("trade", streams.trade(BUSY), "e E s t p q T m"),
        ("aggTrade", streams.agg_trade(BUSY), "e E s a p q f l T m"),
        ("kline", streams.kline(BUSY, "1m"), "e E s k"),
        ("miniTicker", streams.mini_ticker(BUSY), "e E s c o h l v q"),
        ("all mini tickers", streams.all_mini_ticker(), "e E s c o h l v q"),
        ("ticker", streams.ticker(BUSY), "e E s p P w c o h l v q"),
        ("rolling window ticker", streams.rolling_window_ticker(BUSY, "1h"), "e E s p P w c o h l v q"),
        ("average price", streams.avg_price(BUSY), "e E s i w T"),
        ("bookTicker", streams.book_ticker(BUSY), "u s b B a A"),
        ("partial book", streams.partial_book_depth(BUSY, "5"), "lastUpdateId bids asks"),
    ):
        await streamed(check, name, subscribe, fields)
    snapshot = lambda: rest(client.rest_api.depth(symbol=BUSY, limit=1000))
    await keep_book(check, streams.diff_book_depth(BUSY, update_speed="100ms"), snapshot, seconds, False)
    await streams.close_connection(close_session=True)


async def main():
    given = arguments(__doc__)
    misfits = Misfits()
    client = client_of(given)
    market(client.rest_api)
    price = price_of(float(rest(client.rest_api.ticker_price(symbol=QUIET))["price"]) or 64000)
    orders(client.rest_api, price)
    await ws_api(client, price)
    await market_streams(client, given.seconds)
    misfits.judge(check)
    return check.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
