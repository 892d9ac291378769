"""The stock modular SDK for USD-M, unchanged but for its addresses: REST, WS API, streams, user stream.

    python sdk_usdm.py usdm http://HOST:PORT [SECONDS]
"""

import asyncio
import sys

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import Error
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    ModifyMultipleOrdersBatchOrdersParameterInner as Change,
)
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    PlaceMultipleOrdersBatchOrdersParameterInner as Order,
)

from common import BUSY, KEY, QUIET, SECRET, Checks, arguments, has, holds, same, soon, tells_time, traded
from sdk import AMOUNT, Misfits, arrives, asked, deep, keep_book, plain, price_of, rest, streamed

check = Checks()
LIMIT = {"symbol": QUIET, "type": "LIMIT", "time_in_force": "GTC", "quantity": AMOUNT, "new_order_resp_type": "RESULT"}


def client_of(given):
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=given.address, timeout=10000),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=KEY, api_secret=SECRET, stream_url=f"{given.socket}/ws-fapi/v1", timeout=10000
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{given.socket}/usdm"),
    )


def market(api):
    with check("time and ping"):
        api.test_connectivity()
        tells_time(lambda: rest(api.check_server_time())["serverTime"])
    with check("exchange info"):
        info = rest(api.exchange_information())
        has(info, "rateLimits", "assets", "symbols", "timezone")
        holds({QUIET, BUSY} <= {row["symbol"] for row in info["symbols"]})
    with check("depth"):
        has(soon(lambda: deep(rest(api.order_book(symbol=BUSY))), "depth"), "E", "T", "lastUpdateId")
    with check("trades"):
        has(soon(lambda: rest(api.recent_trades_list(symbol=BUSY)), "trades")[-1], "id", "price", "qty", "quoteQty", "time")
        has(rest(api.old_trades_lookup(symbol=BUSY))[-1], "id", "price")
        has(rest(api.compressed_aggregate_trades_list(symbol=BUSY))[-1], "a", "p", "q", "f", "l", "T")
    with check("klines"):
        holds(traded(rest(api.kline_candlestick_data(symbol=BUSY, interval="1m"))))
        holds(rest(api.continuous_contract_kline_candlestick_data(pair=BUSY, contract_type="PERPETUAL", interval="1m")))
    with check("mark and index price klines"):
        holds(rest(api.mark_price_kline_candlestick_data(symbol=BUSY, interval="1m")))
        holds(rest(api.index_price_kline_candlestick_data(pair=BUSY, interval="1m")))
    with check("mark price"):
        has(rest(api.mark_price(symbol=QUIET)), "markPrice", "indexPrice", "lastFundingRate", "nextFundingTime", "time")
        holds(len(rest(api.mark_price())) >= 2)
    with check("tickers"):
        has(rest(api.ticker24hr_price_change_statistics(symbol=BUSY)), "lastPrice", "openPrice", "volume", "count")
        has(rest(api.symbol_price_ticker(symbol=BUSY)), "price", "time")
        has(rest(api.symbol_price_ticker_v2(symbol=BUSY)), "price", "time")
        has(rest(api.symbol_order_book_ticker(symbol=BUSY)), "bidPrice", "askPrice")
    with check("open interest"):
        has(rest(api.open_interest(symbol=BUSY)), "openInterest", "symbol", "time")


def orders(api, price):
    with check("test order"):
        api.test_order(QUIET, "SELL", "LIMIT", time_in_force="GTC", quantity=AMOUNT, price=price)
    with check("limit order"):
        order = rest(api.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT))
        same(order["status"], "NEW")
    with check("query"):
        same(rest(api.query_order(QUIET, order_id=order["orderId"]))["status"], "NEW")
        same(rest(api.query_current_open_order(QUIET, order_id=order["orderId"]))["status"], "NEW")
        same([row["orderId"] for row in rest(api.current_all_open_orders(symbol=QUIET))], [order["orderId"]])
    with check("modify"):
        edited = rest(api.modify_order(QUIET, "SELL", 0.003, price_of(price, 1.02), order_id=order["orderId"]))
        same(float(edited["origQty"]), 0.003)
        holds(rest(api.get_order_modify_history(QUIET, order_id=order["orderId"])), "no amendment")
    with check("cancel"):
        same(rest(api.cancel_order(QUIET, order_id=order["orderId"]))["status"], "CANCELED")
    with check("post-only order"):
        maker = rest(api.new_order(side="SELL", price=price, **LIMIT | {"time_in_force": "GTX"}))
        same(maker["status"], "NEW")
    with check.refused("post-only order that would take", "Post Only", by=Error):
        api.new_order(side="BUY", price=price, **LIMIT | {"time_in_force": "GTX"})
    with check("IOC"):
        taker = rest(api.new_order(side="BUY", price=price, **LIMIT | {"time_in_force": "IOC"}))
        same(taker["status"], "FILLED")
    with check("IOC that meets nothing"):
        same(rest(api.new_order(side="BUY", price=price, **LIMIT | {"time_in_force": "IOC"}))["status"], "EXPIRED")
    with check.refused("unknown order", "Unknown order sent", by=Error):
        api.cancel_order(QUIET, order_id=999999999)
    with check("batch of orders"):
        row = {"symbol": QUIET, "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT, "reduceOnly": "false"}
        made = rest(
            api.place_multiple_orders(
                [Order.from_dict(row | {"price": price_of(price, rate), "newOrderRespType": "RESULT"}) for rate in (1.01, 1.02)]
            )
        )
        same([answer["status"] for answer in made], ["NEW", "NEW"])
    with check("batch of changes"):
        edits = [
            Change.from_dict(
                {"symbol": QUIET, "side": "SELL", "orderId": answer["orderId"], "quantity": 0.003, "price": price_of(price, 1.03)}
            )
            for answer in made
        ]
        same([float(answer["origQty"]) for answer in rest(api.modify_multiple_orders(edits))], [0.003, 0.003])
    with check("batch of cancels"):
        gone = rest(api.cancel_multiple_orders(QUIET, order_id_list=[answer["orderId"] for answer in made]))
        same([answer["status"] for answer in gone], ["CANCELED"] * 2)
    with check("cancel all"):
        api.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT)
        same(int(rest(api.cancel_all_open_orders(QUIET))["code"]), 200)
        same(rest(api.current_all_open_orders(symbol=QUIET)), [])
    with check("countdown"):
        same(rest(api.auto_cancel_all_open_orders(QUIET, 60000))["countdownTime"], "60000")
        api.auto_cancel_all_open_orders(QUIET, 0)
    with check("order history"):
        statuses = {row["orderId"]: row["status"] for row in rest(api.all_orders(symbol=QUIET))}
        same((statuses[maker["orderId"]], statuses[taker["orderId"]]), ("FILLED", "FILLED"))
    with check("own trades"):
        rows = {row["orderId"]: row for row in rest(api.account_trade_list(QUIET))}
        same((rows[maker["orderId"]]["maker"], rows[taker["orderId"]]["maker"]), (True, False))


def account(api, price):
    with check("settings"):
        same(rest(api.change_initial_leverage(QUIET, 10))["leverage"], 10)
        holds(rest(api.notional_and_leverage_brackets(symbol=QUIET)))
        has(rest(api.user_commission_rate(QUIET)), "makerCommissionRate", "takerCommissionRate")
        has(rest(api.futures_account_configuration()), "dualSidePosition", "feeTier")
        has(rest(api.symbol_configuration(symbol=QUIET))[0], "leverage", "marginType")
        same(rest(api.get_current_multi_assets_mode())["multiAssetsMargin"], False)
        holds(rest(api.query_user_rate_limit()))
    with check("hedge mode"):
        api.change_position_mode("true")
        same(rest(api.get_current_position_mode())["dualSidePosition"], True)
        api.new_order(side="SELL", price=price, position_side="SHORT", **LIMIT)
        api.new_order(side="BUY", price=price, position_side="LONG", **LIMIT | {"time_in_force": "IOC"})
        held = {row["positionSide"]: float(row["positionAmt"]) for row in rest(api.position_information_v3(symbol=QUIET))}
        same((held["LONG"], held["SHORT"]), (AMOUNT, -AMOUNT))
        api.new_order(side="BUY", price=price, position_side="SHORT", **LIMIT)
        api.new_order(side="SELL", price=price, position_side="LONG", **LIMIT | {"time_in_force": "IOC"})
        api.change_position_mode("false")
    with check("a position"):
        bought = rest(api.new_order(BUSY, "BUY", "MARKET", quantity=0.05, new_order_resp_type="RESULT"))
        same(bought["status"], "FILLED")
        row = [row for row in rest(api.position_information_v3(symbol=BUSY)) if float(row["positionAmt"])][0]
        has(row, "entryPrice", "breakEvenPrice", "markPrice", "unRealizedProfit", "notional", "initialMargin")
        holds(rest(api.position_information_v2(symbol=BUSY)), "no position")
    with check("reduce only"):
        api.new_order(BUSY, "SELL", "MARKET", quantity=0.05, reduce_only="true")
        same([row for row in rest(api.position_information_v3(symbol=BUSY)) if float(row["positionAmt"])], [])
    with check("balance and account"):
        rows = {row["asset"]: row for row in rest(api.futures_account_balance_v3())}
        holds(float(rows["USDT"]["availableBalance"]) > 0, rows)
        has(rest(api.account_information_v3()), "totalWalletBalance", "availableBalance", "assets")
        has(rest(api.account_information_v2()), "totalWalletBalance", "feeTier", "assets", "positions")
        holds(rest(api.futures_account_balance_v2()))


async def ws_api(client, price):
    api = client.websocket_api
    await api.create_connection()
    with check("WS API: market data"):
        holds((await asked(api.order_book(symbol=BUSY)))["bids"])
        has(await asked(api.symbol_price_ticker(symbol=BUSY)), "price")
        has(await asked(api.symbol_order_book_ticker(symbol=BUSY)), "bidPrice")
    with check("WS API: order, query, change, cancel"):
        made = await asked(api.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT))
        same(made["status"], "NEW")
        same((await asked(api.query_order(QUIET, order_id=made["orderId"])))["status"], "NEW")
        edited = await asked(api.modify_order(QUIET, "SELL", 0.003, price_of(price, 1.02), order_id=made["orderId"]))
        same(float(edited["origQty"]), 0.003)
        same((await asked(api.cancel_order(QUIET, order_id=made["orderId"])))["status"], "CANCELED")
    with check("WS API: account"):
        has(await asked(api.account_information_v2()), "totalWalletBalance", "assets")
        holds(await asked(api.futures_account_balance_v2()))
        await asked(api.position_information_v2(symbol=QUIET))
    with check("WS API: refusal"):
        answer = (await api.cancel_order(QUIET, order_id=999999999)).data()
        holds("-2011" in str(answer), answer)
    with check("WS API: listen key"):
        key = (await asked(api.start_user_data_stream()))["listenKey"]
        same((await asked(api.keepalive_user_data_stream()))["listenKey"], key)
    await api.close_connection(close_session=True)


async def listening(api, price, seen):
    """Until the user stream stands, which the client does not tell: orders are made until one shows."""
    for _ in range(150):
        made = rest(api.new_order(side="BUY", price=price_of(price, 0.97), **LIMIT))
        api.cancel_order(QUIET, order_id=made["orderId"])
        await asyncio.sleep(0.2)
        if seen:
            return
    raise AssertionError("no own order was seen")


async def user_stream(client, price):
    api, streams = client.rest_api, client.websocket_streams
    with check("user stream"):
        key = rest(await asyncio.to_thread(api.start_user_data_stream))["listenKey"]
        api.keepalive_user_data_stream()
        seen = []
        (await streams.user_data(key)).on("message", lambda event: seen.append(plain(event)))
        await listening(api, price, seen)
        made = rest(api.new_order(side="SELL", price=price, **LIMIT | {"time_in_force": "GTX"}))
        api.new_order(side="BUY", price=price, **LIMIT | {"time_in_force": "IOC"})

        def done():
            kinds = {event["o"]["x"] for event in seen if event.get("o") and event["o"]["i"] == made["orderId"]}
            return kinds == {"NEW", "TRADE"} and [event for event in seen if "a" in event]

        await arrives(done)
        api.close_user_data_stream()


async def market_streams(client, seconds):
    streams = client.websocket_streams
    continuous = streams.continuous_contract_kline_candlestick_streams
    for name, subscribe, fields in (
        ("aggTrade", streams.aggregate_trade_streams(BUSY), "e E s a p q f l T m"),
        ("kline", streams.kline_candlestick_streams(BUSY, "1m"), "e E s k"),
        # The client leaves the case of a pair to its user.
        ("continuous kline", continuous(BUSY.lower(), "perpetual", "1m"), "e E ps ct k"),
        ("miniTicker", streams.individual_symbol_mini_ticker_stream(BUSY), "e E s c o h l v q"),
        ("ticker", streams.individual_symbol_ticker_streams(BUSY), "e E s p P w c o h l v q"),
        ("mark price", streams.mark_price_stream(BUSY, update_speed="1s"), "e E s p i P r T"),
        ("all mark prices", streams.mark_price_stream_for_all_market(update_speed="1s"), "e E s p i P r T"),
        ("all mini tickers", streams.all_market_mini_tickers_stream(), "e E s c o h l v q"),
        ("bookTicker", streams.individual_symbol_book_ticker_streams(BUSY), "e u E T s b B a A"),
        ("all book tickers", streams.all_book_tickers_stream(), "e u E T s b B a A"),
        ("partial book", streams.partial_book_depth_streams(BUSY, "5", update_speed="100ms"), "e E T s U u pu b a"),
    ):
        await streamed(check, name, subscribe, fields)
    snapshot = lambda: rest(client.rest_api.order_book(symbol=BUSY, limit=1000))
    await keep_book(check, streams.diff_book_depth_streams(BUSY, update_speed="100ms"), snapshot, seconds, True)


async def main():
    given = arguments(__doc__)
    misfits = Misfits()
    client = client_of(given)
    market(client.rest_api)
    price = price_of(rest(client.rest_api.mark_price(symbol=QUIET))["markPrice"])
    orders(client.rest_api, price)
    account(client.rest_api, price)
    await ws_api(client, price)
    await client.websocket_streams.create_connection()
    await user_stream(client, price)
    await market_streams(client, given.seconds)
    await client.websocket_streams.close_connection(close_session=True)
    misfits.judge(check)
    return check.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
