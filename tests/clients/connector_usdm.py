"""A stock binance-futures-connector (the classic one), unchanged but for its addresses: REST, streams, user stream.

    python connector_usdm.py usdm http://HOST:PORT [SECONDS]
"""

import sys

from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient

from common import BUSY, KEY, QUIET, SECRET, Checks, arguments, has, holds, same, soon, tells_time, traded
from connectors import AMOUNT, REFUSALS, Listener, crossed, deep, keep_book, price_of, streams

check = Checks()
LIMIT = {"symbol": QUIET, "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT, "newOrderRespType": "RESULT"}


def market(client):
    with check("time and ping"):
        same(client.ping(), {})
        tells_time(lambda: client.time()["serverTime"])
    with check("exchange info"):
        info = client.exchange_info()
        has(info, "rateLimits", "assets", "futuresType", "timezone")
        holds({QUIET, BUSY} <= {row["symbol"] for row in info["symbols"]})
    with check("depth"):
        crossed(soon(lambda: deep(client.depth(BUSY, limit=20)), "depth"))
    with check("trades"):
        has(soon(lambda: client.trades(BUSY), "trades")[-1], "id", "price", "qty", "quoteQty", "time")
        has(client.historical_trades(BUSY)[-1], "id", "price")
        has(client.agg_trades(BUSY)[-1], "a", "p", "q", "f", "l", "T")
    with check("klines"):
        holds(traded(client.klines(BUSY, "1m")))
        holds(client.continuous_klines(BUSY, "PERPETUAL", "1m"))
    with check("mark and index price klines"):
        holds(client.mark_price_klines(BUSY, "1m"))
        holds(client.index_price_klines(BUSY, "1m"))
    with check("mark price"):
        has(client.mark_price(QUIET), "markPrice", "indexPrice", "lastFundingRate", "nextFundingTime", "time")
        holds(len(client.mark_price()) >= 2)
    with check("24 h ticker"):
        has(client.ticker_24hr_price_change(BUSY), "lastPrice", "openPrice", "volume", "count")
    with check("price and book tickers"):
        has(client.ticker_price(BUSY), "price", "time")
        has(client.book_ticker(BUSY), "bidPrice", "askPrice", "time")
    with check("open interest"):
        has(client.open_interest(BUSY), "openInterest", "symbol", "time")


def orders(client, price):
    with check("test order"):
        client.new_order_test(side="SELL", price=price, **LIMIT)
    with check("limit order"):
        order = client.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT)
        same(order["status"], "NEW")
    with check("query"):
        same(client.query_order(QUIET, orderId=order["orderId"])["status"], "NEW")
        same(client.get_open_orders(QUIET, orderId=order["orderId"])["status"], "NEW")
        same([row["orderId"] for row in client.get_orders(symbol=QUIET)], [order["orderId"]])
    with check("modify"):
        edited = client.modify_order(QUIET, "SELL", "0.003", price_of(price, 1.02), orderId=order["orderId"])
        same(float(edited["origQty"]), 0.003)
    with check("cancel"):
        same(client.cancel_order(QUIET, orderId=order["orderId"])["status"], "CANCELED")
    with check("post-only order"):
        maker = client.new_order(side="SELL", price=price, **LIMIT | {"timeInForce": "GTX"})
        same(maker["status"], "NEW")
    with check.refused("post-only order that would take", "-5022", by=REFUSALS):
        client.new_order(side="BUY", price=price, **LIMIT | {"timeInForce": "GTX"})
    with check("IOC"):
        taker = client.new_order(side="BUY", price=price, **LIMIT | {"timeInForce": "IOC"})
        same(taker["status"], "FILLED")
    with check("IOC that meets nothing"):
        same(client.new_order(side="BUY", price=price, **LIMIT | {"timeInForce": "IOC"})["status"], "EXPIRED")
    with check.refused("unknown order", "-2011", by=REFUSALS):
        client.cancel_order(QUIET, orderId=999999999)
    with check("batch of orders"):
        row = {name: LIMIT[name] for name in ("symbol", "type", "timeInForce", "quantity")} | {"side": "SELL"}
        made = client.new_batch_order([row | {"price": price_of(price, 1.01)}, row | {"price": price_of(price, 1.02)}])
        same([answer["status"] for answer in made], ["NEW", "NEW"])
    with check("batch of cancels"):
        gone = client.cancel_batch_order(QUIET, [answer["orderId"] for answer in made], [])
        same([answer["status"] for answer in gone], ["CANCELED"] * 2)
    with check("cancel all"):
        client.new_order(side="SELL", price=price_of(price, 1.01), **LIMIT)
        same(client.cancel_open_orders(QUIET)["code"], 200)
        same(client.get_orders(symbol=QUIET), [])
    with check("countdown"):
        same(client.countdown_cancel_order(QUIET, 60000)["countdownTime"], "60000")
        client.countdown_cancel_order(QUIET, 0)
    with check("order history"):
        statuses = {row["orderId"]: row["status"] for row in client.get_all_orders(QUIET)}
        same((statuses[maker["orderId"]], statuses[taker["orderId"]]), ("FILLED", "FILLED"))
    with check("own trades"):
        rows = {row["orderId"]: row for row in client.get_account_trades(QUIET)}
        same((rows[maker["orderId"]]["maker"], rows[taker["orderId"]]["maker"]), (True, False))


def account(client, price):
    with check("settings"):
        same(client.change_leverage(QUIET, 10)["leverage"], 10)
        has(client.leverage_brackets(symbol=QUIET)[0], "brackets")
        has(client.commission_rate(QUIET), "makerCommissionRate", "takerCommissionRate")
        has(client.futures_account_configuration(), "dualSidePosition", "feeTier")
        has(client.symbol_configuration(symbol=QUIET)[0], "leverage", "marginType")
        same(client.get_multi_asset_mode()["multiAssetsMargin"], False)
        holds(client.query_user_rate_limit())
    with check("hedge mode"):
        client.change_position_mode("true")
        same(client.get_position_mode()["dualSidePosition"], True)
        client.new_order(side="SELL", price=price, positionSide="SHORT", **LIMIT)
        client.new_order(side="BUY", price=price, positionSide="LONG", **LIMIT | {"timeInForce": "IOC"})
        held = {row["positionSide"]: float(row["positionAmt"]) for row in client.get_position_risk(symbol=QUIET)}
        same((held["LONG"], held["SHORT"]), (float(AMOUNT), -float(AMOUNT)))
        client.new_order(side="BUY", price=price, positionSide="SHORT", **LIMIT)
        client.new_order(side="SELL", price=price, positionSide="LONG", **LIMIT | {"timeInForce": "IOC"})
        client.change_position_mode("false")
    with check("a position"):
        bought = client.new_order(symbol=BUSY, side="BUY", type="MARKET", quantity="0.05", newOrderRespType="RESULT")
        same(bought["status"], "FILLED")
        row = [row for row in client.get_position_risk(symbol=BUSY) if float(row["positionAmt"])][0]
        has(row, "entryPrice", "breakEvenPrice", "markPrice", "unRealizedProfit", "notional", "marginAsset", "initialMargin")
        same(float(row["positionAmt"]), 0.05)
    with check("reduce only"):
        sell = {"symbol": BUSY, "side": "SELL", "type": "MARKET", "quantity": "0.05", "reduceOnly": "true"}
        client.new_order(**sell)
        same([row for row in client.get_position_risk(symbol=BUSY) if float(row["positionAmt"])], [])
    with check("balance and account"):
        rows = {row["asset"]: row for row in client.balance()}
        holds(float(rows["USDT"]["availableBalance"]) > 0, rows)
        has(client.account(), "totalWalletBalance", "availableBalance", "assets", "positions")


def user_stream(client, given, price):
    with check("user stream"):
        key = client.new_listen_key()["listenKey"]
        same(client.new_listen_key()["listenKey"], key)
        client.renew_listen_key(key)
        with Listener(UMFuturesWebsocketClient, f"{given.socket}/usdm") as listener:
            listener.client.user_data(listen_key=key)
            listener.first(lambda message: "result" in message, "the subscription")
            made = client.new_order(side="SELL", price=price, **LIMIT | {"timeInForce": "GTX"})
            client.new_order(side="BUY", price=price, **LIMIT | {"timeInForce": "IOC"})
            seen = []

            def done():
                seen.extend(listener.taken())
                reports = [event["o"] for event in seen if event["e"] == "ORDER_TRADE_UPDATE"]
                kinds = {report["x"] for report in reports if report["i"] == made["orderId"]}
                return kinds == {"NEW", "TRADE"} and "ACCOUNT_UPDATE" in {event["e"] for event in seen}

            soon(done, "the fill")
        client.close_listen_key(key)


def main():
    given = arguments(__doc__)
    client = UMFutures(KEY, SECRET, base_url=given.address)
    market(client)
    price = price_of(client.mark_price(QUIET)["markPrice"])
    orders(client, price)
    account(client, price)
    user_stream(client, given, price)
    url = f"{given.socket}/usdm"
    streams(check, UMFuturesWebsocketClient, url, [
        ("aggTrade", lambda stream: stream.agg_trade(BUSY), "e E s a p q f l T m"),
        ("kline", lambda stream: stream.kline(BUSY, "1m"), "e E s k"),
        ("continuous kline", lambda stream: stream.continuous_kline(BUSY, "perpetual", "1m"), "e E ps ct k"),
        ("miniTicker", lambda stream: stream.mini_ticker(BUSY), "e E s c o h l v q"),
        ("ticker", lambda stream: stream.ticker(BUSY), "e E s p P w c o h l v q"),
        ("bookTicker", lambda stream: stream.book_ticker(BUSY), "e u E T s b B a A"),
        ("mark price", lambda stream: stream.mark_price(BUSY, 1), "e E s p i P r T"),
        ("all mark prices", lambda stream: stream.mark_price_all_market(), "e E s p i P r T"),
        ("partial book", lambda stream: stream.partial_book_depth(BUSY, level=5, speed=100), "e E T s U u pu b a"),
    ])
    keep_book(check, UMFuturesWebsocketClient, url, BUSY, lambda: client.depth(BUSY, limit=1000), given.seconds, True)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
