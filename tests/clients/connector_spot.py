"""A stock binance-connector (the classic one), unchanged but for its addresses: REST, WS API, streams, user stream.

    python connector_spot.py spot http://HOST:PORT [SECONDS]
"""

import sys

from binance.lib.utils import websocket_api_signature
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

from common import BUSY, KEY, QUIET, SECRET, Checks, arguments, has, holds, same, soon, tells_time, traded
from connectors import AMOUNT, REFUSALS, Listener, crossed, deep, keep_book, price_of, streams

check = Checks()


def market(client):
    with check("time and ping"):
        same(client.ping(), {})
        tells_time(lambda: client.time()["serverTime"])
    with check("exchange info"):
        same([row["symbol"] for row in client.exchange_info(symbol=QUIET)["symbols"]], [QUIET])
        holds(len(client.exchange_info(symbols=[QUIET, BUSY])["symbols"]) == 2)
    with check("depth"):
        crossed(soon(lambda: deep(client.depth(BUSY, limit=20)), "depth"))
    with check("trades"):
        has(soon(lambda: client.trades(BUSY), "trades")[-1], "id", "price", "qty", "quoteQty", "time")
        has(client.historical_trades(BUSY)[-1], "id", "price")
        has(client.agg_trades(BUSY)[-1], "a", "p", "q", "f", "l", "T")
    with check("klines"):
        holds(traded(client.klines(BUSY, "1m")))
        holds(client.ui_klines(BUSY, "1m"))
    with check("average price"):
        has(client.avg_price(BUSY), "price", "mins", "closeTime")
    with check("24 h ticker"):
        has(client.ticker_24hr(BUSY), "lastPrice", "openPrice", "volume", "count")
        holds(len(client.ticker_24hr(symbols=[BUSY, QUIET])) == 2)
    with check("trading day and rolling window tickers"):
        has(client.trading_day_ticker(BUSY), "lastPrice", "openPrice")
        has(client.rolling_window_ticker(BUSY, windowSize="1h"), "lastPrice", "openPrice")
    with check("price and book tickers"):
        has(client.ticker_price(BUSY), "price")
        has(client.book_ticker(BUSY), "bidPrice", "askPrice")


def orders(client, price):
    common = {"symbol": QUIET, "type": "LIMIT", "timeInForce": "GTC", "quantity": AMOUNT}
    with check("test order"):
        same(client.new_order_test(side="SELL", price=price, **common), {})
    with check("limit order"):
        order = client.new_order(side="SELL", price=price_of(price, 1.01), **common)
        same(order["status"], "NEW")
    with check("query"):
        same(client.get_order(QUIET, orderId=order["orderId"])["status"], "NEW")
        same([row["orderId"] for row in client.get_open_orders(QUIET)], [order["orderId"]])
    with check("cancel and replace"):
        answer = client.cancel_and_replace(
            QUIET, "SELL", "LIMIT", "STOP_ON_FAILURE", cancelOrderId=order["orderId"], timeInForce="GTC", quantity=AMOUNT,
            price=price_of(price, 1.02),
        )
        same((answer["cancelResult"], answer["newOrderResult"]), ("SUCCESS", "SUCCESS"))
        order = answer["newOrderResponse"]
    with check("cancel"):
        same(client.cancel_order(QUIET, orderId=order["orderId"])["status"], "CANCELED")
    with check("post-only order"):
        maker = client.new_order(symbol=QUIET, side="SELL", type="LIMIT_MAKER", quantity=AMOUNT, price=price)
        has(maker, "orderId")
    with check.refused("post-only order that would take", "-2010", "immediately match", by=REFUSALS):
        client.new_order(symbol=QUIET, side="BUY", type="LIMIT_MAKER", quantity=AMOUNT, price=price)
    with check("IOC"):
        taker = client.new_order(side="BUY", price=price, **common | {"timeInForce": "IOC"})
        same((taker["status"], len(taker["fills"])), ("FILLED", 1))
    with check("FOK that meets nothing"):
        same(client.new_order(side="BUY", price=price, **common | {"timeInForce": "FOK"})["status"], "EXPIRED")
    with check("market order"):
        same(client.new_order(symbol=BUSY, side="BUY", type="MARKET", quantity="0.02")["status"], "FILLED")
    with check.refused("unknown order", "Unknown order sent", by=REFUSALS):
        client.cancel_order(QUIET, orderId=999999999)
    with check("cancel all"):
        client.new_order(side="SELL", price=price_of(price, 1.01), **common)
        client.cancel_open_orders(QUIET)
        same(client.get_open_orders(QUIET), [])
    with check("order history"):
        statuses = {row["orderId"]: row["status"] for row in client.get_orders(QUIET)}
        same((statuses[maker["orderId"]], statuses[taker["orderId"]]), ("FILLED", "FILLED"))
    with check("own trades"):
        rows = client.my_trades(QUIET, orderId=maker["orderId"])
        same([row["isMaker"] for row in rows], [True])
    with check("account"):
        has(client.account(omitZeroBalances="true"), "balances", "commissionRates", "permissions", "uid")
        holds(client.get_order_rate_limit())
        has(client.query_commission_rates(QUIET), "standardCommission", "taxCommission", "discount")
        same(client.query_prevented_matches(QUIET, orderId=taker["orderId"]), [])


def ws_api(given, price):
    """Answers come as messages; each is asked for under an id of its own."""
    with Listener(SpotWebsocketAPIClient, f"{given.socket}/ws-api/v3", api_key=KEY, api_secret=SECRET) as listener:
        api, count = listener.client, iter(range(1, 1000))

        def ask(method, *args, **named):
            name = f"ask-{next(count)}"
            method(*args, id=name, **named)
            return listener.first(lambda message: message.get("id") == name, name)

        def good(method, *args, **named):
            answer = ask(method, *args, **named)
            same(answer["status"], 200)
            return answer["result"]

        with check("WS API: market data"):
            holds(good(api.server_time)["serverTime"] > 0)
            holds(good(api.order_book, symbol=BUSY)["bids"])
            holds(good(api.recent_trades, symbol=BUSY) and good(api.aggregate_trades, symbol=BUSY))
            holds(good(api.klines, symbol=BUSY, interval="1m"))
            has(good(api.ticker_24hr, symbol=BUSY), "lastPrice")
            has(good(api.ticker_book, symbol=BUSY), "bidPrice")
            has(good(api.avg_price, symbol=BUSY), "price")
        with check("WS API: order, query, cancel"):
            order = {"timeInForce": "GTC", "quantity": AMOUNT, "price": price_of(price, 1.01), "newOrderRespType": "RESULT"}
            made = good(api.new_order, symbol=QUIET, side="SELL", type="LIMIT", **order)
            same(made["status"], "NEW")
            same(good(api.get_order, symbol=QUIET, orderId=made["orderId"])["status"], "NEW")
            same([row["orderId"] for row in good(api.get_open_orders, symbol=QUIET)], [made["orderId"]])
            same(good(api.cancel_order, symbol=QUIET, orderId=made["orderId"])["status"], "CANCELED")
        with check("WS API: account"):
            holds(good(api.account)["balances"] and good(api.order_history, symbol=QUIET) and good(api.my_trades, symbol=QUIET))
            holds(good(api.order_rate_limit))
        with check("WS API: refusal"):
            answer = ask(api.cancel_order, symbol=QUIET, orderId=999999999)
            same((answer["status"], answer["error"]["code"]), (400, -2011))
        with check("user stream"):
            subscribe = {"method": "userDataStream.subscribe.signature", "params": websocket_api_signature(KEY, SECRET, {})}
            same(ask(lambda id: api.send({"id": id} | subscribe))["status"], 200)
            api.new_order(symbol=QUIET, side="SELL", type="LIMIT_MAKER", quantity=AMOUNT, price=price, newClientOrderId="u-1")
            api.new_order(symbol=QUIET, side="BUY", type="LIMIT", timeInForce="IOC", quantity=AMOUNT, price=price)
            seen = []
            last = lambda event: event.get("c") == "u-1" and event["X"] == "FILLED"

            def done():
                seen.extend(row["event"] for row in listener.taken() if "event" in row)
                return any(map(last, seen))

            soon(done, "the fill")
            holds({"NEW", "TRADE"} <= {event.get("x") for event in seen}, seen)


def main():
    given = arguments(__doc__)
    client = Spot(KEY, SECRET, base_url=given.address)
    market(client)
    price = price_of(float(client.ticker_price(QUIET)["price"]) or 64000)
    orders(client, price)
    ws_api(given, price)
    streams(check, SpotWebsocketStreamClient, given.socket, [
        ("trade", lambda stream: stream.trade(BUSY), "e E s t p q T m"),
        ("aggTrade", lambda stream: stream.agg_trade(BUSY), "e E s a p q f l T m"),
        ("kline", lambda stream: stream.kline(BUSY, "1m"), "e E s k"),
        ("miniTicker", lambda stream: stream.mini_ticker(BUSY), "e E s c o h l v q"),
        ("all mini tickers", lambda stream: stream.mini_ticker(), "e E s c o h l v q"),
        ("ticker", lambda stream: stream.ticker(BUSY), "e E s p P w c o h l v q"),
        ("rolling window ticker", lambda stream: stream.rolling_window_ticker(BUSY, "1h"), "e E s p P w c o h l v q"),
        ("bookTicker", lambda stream: stream.book_ticker(BUSY), "u s b B a A"),
        ("partial book", lambda stream: stream.partial_book_depth(BUSY, level=5, speed=100), "lastUpdateId bids asks"),
    ])
    keep_book(check, SpotWebsocketStreamClient, given.socket, BUSY, lambda: client.depth(BUSY, limit=1000), given.seconds, False)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
