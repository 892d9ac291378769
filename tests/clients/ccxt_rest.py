"""A stock ccxt, unchanged but for its addresses: every unified call of the product that it offers.

    python ccxt_rest.py spot|usdm http://HOST:PORT
"""

import sys

import ccxt

from common import KEY, SECRET, Checks, arguments, has, holds, same, soon, tells_time, traded

AMOUNT = 0.002
check = Checks()


def redirected(urls, base):
    """The same paths on another host, throughout."""
    if isinstance(urls, dict):
        return {name: redirected(url, base) for name, url in urls.items()}
    return f"{base}/{urls.split('://', 1)[1].partition('/')[2]}"


def client(given):
    exchange = {"spot": ccxt.binance, "usdm": ccxt.binanceusdm}[given.product]({"apiKey": KEY, "secret": SECRET})
    exchange.urls["api"] = redirected(exchange.urls["api"], given.address)
    return exchange


class Both:
    """What Spot and USD-M have in common."""

    def __init__(self, exchange, quiet, busy):
        self.exchange, self.quiet, self.busy = exchange, quiet, busy

    def run(self):
        with check("markets"):
            markets = self.exchange.load_markets()
            precision = markets[self.quiet]["precision"]
            holds(0 < precision["price"] <= 0.1 and 0 < precision["amount"] <= 0.001, precision)
            same(markets[self.quiet]["active"], True)
            holds(markets[self.quiet]["limits"]["amount"]["min"] > 0, markets[self.quiet]["limits"])
        with check("time"):
            tells_time(self.exchange.fetch_time)
        self.price = self.anchor()
        self.market_data()
        self.resting()
        self.immediate()
        self.market_orders()
        self.refusals()
        self.history()
        self.tickers()

    def anchor(self):
        """A price that the venue takes."""
        last = self.exchange.fetch_last_prices([self.quiet])[self.quiet]["price"] or 64000
        return float(self.exchange.price_to_precision(self.quiet, last))

    def place(self, side, price, amount=AMOUNT, kind="limit", **params):
        return self.exchange.create_order(self.quiet, kind, side, amount, price, params)

    def market_data(self):
        with check("order book"):
            book = soon(lambda: self.deep(self.exchange.fetch_order_book(self.busy, 50)), "depth")
            holds(book["bids"][0][0] < book["asks"][0][0] and book["nonce"] > 0, book)
        with check("trades"):
            trades = soon(lambda: self.exchange.fetch_trades(self.busy), "trades")
            has(trades[-1], "id", "price", "amount", "side", "timestamp", "cost")
        with check("aggregate trades"):
            trades = self.exchange.fetch_trades(self.busy, params={"fetchTradesMethod": self.aggregate})
            has(trades[-1], "id", "price", "amount", "side", "timestamp")
        with check("klines"):
            rows = self.exchange.fetch_ohlcv(self.busy, "1m")
            holds(traded(rows) and rows[-1][2] >= rows[-1][3] > 0, rows[-2:])

    @staticmethod
    def deep(book):
        return book if len(book["bids"]) > 5 and len(book["asks"]) > 5 else None

    def resting(self):
        with check("limit order rests"):
            self.order = self.place("sell", self.price * 1.01)
            same(self.order["status"], "open")
        with check("order"):
            order = self.exchange.fetch_order(self.order["id"], self.quiet)
            same((order["status"], order["amount"], order["filled"]), ("open", AMOUNT, 0.0))
            holds(abs(order["price"] / (self.price * 1.01) - 1) < 1e-4, order["price"])
        with check("open orders"):
            same([row["id"] for row in self.exchange.fetch_open_orders(self.quiet)], [self.order["id"]])
        with check("open orders of all symbols"):
            self.exchange.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
            same([row["id"] for row in self.exchange.fetch_open_orders()], [self.order["id"]])
        with check("order by client id"):
            own = self.place("buy", self.price * 0.98, clientOrderId="mine-1")
            found = self.exchange.fetch_order(None, self.quiet, {"origClientOrderId": "mine-1"})
            same((found["id"], found["clientOrderId"]), (own["id"], "mine-1"))
        with check("cancel"):
            cancelled = self.exchange.cancel_order(own["id"], self.quiet)
            same((cancelled["id"], cancelled["status"]), (own["id"], "canceled"))
        with check("edit an order"):
            edited = self.exchange.edit_order(self.order["id"], self.quiet, "limit", "sell", AMOUNT * 2, self.price * 1.02)
            same((edited["status"], edited["amount"]), ("open", AMOUNT * 2))
            same([row["id"] for row in self.exchange.fetch_open_orders(self.quiet)], [edited["id"]])
        with check("balance while it rests"):
            self.balance_while_resting()
        with check("cancel all"):
            self.exchange.cancel_all_orders(self.quiet)
            same(self.exchange.fetch_open_orders(self.quiet), [])

    def immediate(self):
        with check("post-only order rests"):
            self.maker = self.place("sell", self.price, postOnly=True)
            same((self.maker["status"] or "open"), "open")
        with check("best bid and ask"):
            row = self.exchange.fetch_bids_asks([self.quiet])[self.quiet]
            same((row["ask"], row["askVolume"]), (self.price, AMOUNT))
        with check.refused("post-only order that would take", by=ccxt.InvalidOrder):
            self.place("buy", self.price, postOnly=True)
        with check("IOC takes it"):
            self.taker = self.place("buy", self.price, timeInForce="IOC")
            same((self.taker["status"], self.taker["filled"]), ("closed", AMOUNT))
        with check("IOC that meets nothing"):
            late = self.place("buy", self.price, timeInForce="IOC")
            same((late["status"], late["filled"]), ("expired", 0.0))
        with check("FOK takes all"):
            self.place("sell", self.price)
            same(self.place("buy", self.price, timeInForce="FOK")["status"], "closed")
        with check("FOK that is not met in full"):
            self.place("sell", self.price)
            self.unmet_fok()
            self.exchange.cancel_all_orders(self.quiet)
        with check("partial fill"):
            maker = self.place("sell", self.price, AMOUNT * 2)
            self.place("buy", self.price, timeInForce="IOC")
            part = self.exchange.fetch_order(maker["id"], self.quiet)
            same((part["status"], part["filled"], part["remaining"]), ("open", AMOUNT, AMOUNT))
            done = self.exchange.cancel_order(maker["id"], self.quiet)
            same((done["status"], done["filled"]), ("canceled", AMOUNT))

    def market_orders(self):
        with check("market order"):
            bought = self.exchange.create_order(self.busy, "market", "buy", 0.02)
            same((bought["status"], bought["filled"]), ("closed", 0.02))
            holds(bought["average"] > 0, bought)
            sold = self.exchange.create_order(self.busy, "market", "sell", 0.02)
            same((sold["status"], sold["filled"]), ("closed", 0.02))
        with check("test order"):
            self.test_order()
            same(self.exchange.fetch_open_orders(self.quiet), [])

    def refusals(self):
        with check.refused("cancel of an unknown order", "-2011", by=ccxt.OrderNotFound):
            self.exchange.cancel_order("999999999", self.quiet)
        with check.refused("query of an unknown order", "-2013", by=ccxt.OrderNotFound):
            self.exchange.fetch_order("999999999", self.quiet)
        with check.refused("wrong secret", "-1022", by=ccxt.AuthenticationError):
            self.with_secret("wrong")
        with check.refused("duplicate client id", by=ccxt.BaseError):
            self.place("buy", self.price * 0.98, clientOrderId="twice")
            self.place("buy", self.price * 0.98, clientOrderId="twice")
        with check("both of it are gone"):
            self.exchange.cancel_all_orders(self.quiet)
            same(self.exchange.fetch_open_orders(self.quiet), [])

    def with_secret(self, secret):
        self.exchange.secret = secret
        try:
            self.exchange.fetch_balance()
        finally:
            self.exchange.secret = SECRET

    def history(self):
        with check("order history"):
            orders = {row["id"]: row["status"] for row in self.exchange.fetch_orders(self.quiet)}
            same((orders[self.maker["id"]], orders[self.taker["id"]]), ("closed", "closed"))
        with check("closed orders"):
            rows = self.exchange.fetch_closed_orders(self.quiet)
            holds(self.taker["id"] in [row["id"] for row in rows])
        with check("own trades"):
            rows = self.exchange.fetch_my_trades(self.quiet)
            mine = {row["order"]: row for row in rows}
            has(mine[self.taker["id"]], "id", "timestamp", "price", "amount", "side", "fee", "takerOrMaker")
            same(mine[self.taker["id"]]["takerOrMaker"], "taker")
            same(mine[self.maker["id"]]["takerOrMaker"], "maker")

    def tickers(self):
        with check("ticker"):
            row = self.exchange.fetch_ticker(self.quiet)
            has(row, "last", "high", "low", "baseVolume", "quoteVolume", "vwap", "percentage", "open", "close")
            same(row["last"], self.price)
        with check("tickers"):
            holds(self.busy in self.exchange.fetch_tickers(), "not listed")
        with check("last prices"):
            same(self.exchange.fetch_last_prices([self.quiet])[self.quiet]["price"], self.price)


class Spot(Both):
    aggregate = "publicGetAggTrades"

    def balance_while_resting(self):
        same(self.exchange.fetch_balance()["BTC"]["used"], AMOUNT * 2)

    def test_order(self):
        self.place("sell", self.price, test=True)

    def unmet_fok(self):
        same(self.place("buy", self.price, AMOUNT * 2, timeInForce="FOK")["status"], "expired")

    def run(self):
        super().run()
        with check("balance"):
            balance = self.exchange.fetch_balance()
            holds(balance["USDT"]["free"] > 0 and balance["BTC"]["used"] == 0, balance["USDT"], balance["BTC"])
        with check("market order by cost"):
            bought = self.exchange.create_market_buy_order_with_cost(self.busy, 100)
            holds(bought["status"] == "closed" and 0 < bought["cost"] <= 100, bought["cost"])
        with check("trades of one order"):
            rows = self.exchange.fetch_order_trades(self.taker["id"], self.quiet)
            same(sum(row["amount"] for row in rows), AMOUNT)
        with check("cancel and replace, by the venue's own call"):
            first = self.place("sell", self.price * 1.01)
            answer = self.exchange.private_post_order_cancelreplace(
                {
                    "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.003",
                    "price": self.exchange.price_to_precision(self.quiet, self.price * 1.02),
                    "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": first["id"],
                }
            )
            same((answer["cancelResult"], answer["newOrderResult"]), ("SUCCESS", "SUCCESS"))
            self.exchange.cancel_all_orders(self.quiet)
        with check("several orders, one after the other"):
            rows = [
                {"symbol": self.quiet, "type": "limit", "side": "buy", "amount": AMOUNT, "price": self.price * rate}
                for rate in (0.97, 0.96)
            ]
            for row in rows:
                self.exchange.create_order(row["symbol"], row["type"], row["side"], row["amount"], row["price"])
            self.exchange.cancel_all_orders(self.quiet)
            same(self.exchange.fetch_open_orders(self.quiet), [])
        with check("cancelled orders"):
            holds(self.exchange.fetch_canceled_orders(self.quiet), "none")
        with check("average price"):
            holds(float(self.exchange.public_get_avgprice({"symbol": "BTCUSDT"})["price"]) > 0)
        with check("prevented matches"):
            same(self.exchange.fetch_my_prevented_matches("BTCUSDT"), []) if hasattr(
                self.exchange, "fetch_my_prevented_matches"
            ) else same(self.exchange.private_get_mypreventedmatches({"symbol": "BTCUSDT", "orderId": self.taker["id"]}), [])
        with check.refused("more than is owned", "insufficient balance", by=ccxt.InsufficientFunds):
            self.place("sell", self.price * 1.01, 2000)
        with check.refused("a price off the tick", "PRICE_FILTER", by=ccxt.BaseError):
            self.exchange.private_post_order(
                {
                    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.002",
                    "price": "60000.12345",
                }
            )


class UsdM(Both):
    aggregate = "fapiPublicGetAggTrades"

    def balance_while_resting(self):
        holds(self.exchange.fetch_balance()["USDT"]["used"] > 0, "nothing is used")

    def test_order(self):
        """Offered for Spot only; the venue's own call."""
        order = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.002"}
        self.exchange.fapiprivate_post_order_test(order | {"price": self.exchange.price_to_precision(self.quiet, self.price)})

    def unmet_fok(self):
        try:
            self.place("buy", self.price, AMOUNT * 2, timeInForce="FOK")
        except ccxt.InvalidOrder as why:
            holds("-5021" in str(why), why)
        else:
            raise AssertionError("was not refused")

    def run(self):
        super().run()
        with check("balance"):
            holds(self.exchange.fetch_balance()["USDT"]["free"] > 0)
        self.settings()
        self.batches()
        self.positions()
        self.hedged()
        with check("mark price"):
            holds(self.exchange.fetch_mark_price(self.quiet)["markPrice"] > 0)
        with check("mark prices"):
            holds(self.quiet in self.exchange.fetch_mark_prices(), "not listed")
        with check("funding rate"):
            has(self.exchange.fetch_funding_rate(self.quiet), "fundingRate", "markPrice", "indexPrice")
        with check("trading fee"):
            has(self.exchange.fetch_trading_fee(self.quiet), "maker", "taker")
        with check("countdown"):
            answer = self.exchange.fapiprivate_post_countdowncancelall({"symbol": "BTCUSDT", "countdownTime": 60000})
            same((answer["symbol"], answer["countdownTime"]), ("BTCUSDT", "60000"))
            self.exchange.fapiprivate_post_countdowncancelall({"symbol": "BTCUSDT", "countdownTime": 0})
        with check("open interest"):
            holds(self.exchange.fetch_open_interest(self.busy)["openInterestAmount"] >= 0)
        with check.refused("more than the margin allows", "-2019", by=ccxt.BaseError):
            self.place("buy", self.price * 0.99, 1e9)

    def settings(self):
        with check("leverage"):
            same(int(self.exchange.set_leverage(20, self.quiet)["leverage"]), 20)
            same(self.exchange.fetch_leverage(self.quiet)["longLeverage"], 20)
        with check("margin mode"):
            try:
                self.exchange.set_margin_mode("cross", self.quiet)
            except ccxt.BaseError as why:
                holds("-4046" in str(why), why)
            same(self.exchange.fetch_margin_mode(self.quiet)["marginMode"], "cross")
        with check("leverage tiers"):
            holds(self.exchange.fetch_leverage_tiers([self.quiet])[self.quiet][0]["maxLeverage"] >= 20)
        with check("position mode"):
            same(self.exchange.fetch_position_mode()["hedged"], False)

    def batches(self):
        row = {"symbol": self.quiet, "type": "limit", "side": "sell", "amount": AMOUNT}
        with check("batch of orders"):
            made = self.exchange.create_orders(
                [row | {"price": self.price * 1.01, "params": {"postOnly": True}}, row | {"price": self.price * 1.02}]
            )
            same([order["status"] for order in made], ["open", "open"])
        with check("batch with one that is refused"):
            self.place("buy", self.price)
            mixed = self.exchange.create_orders(
                [row | {"price": self.price, "params": {"postOnly": True}}, row | {"price": self.price * 1.03}]
            )
            same(sorted(order["status"] for order in mixed), ["open", "rejected"])
        with check("batch of changes"):
            edits = [row | {"id": order["id"], "price": self.price * 1.04, "amount": AMOUNT * 2} for order in made]
            edited = self.exchange.edit_orders(edits)
            same([order["amount"] for order in edited], [AMOUNT * 2] * 2)
        with check("batch of cancels"):
            gone = self.exchange.cancel_orders([order["id"] for order in made], self.quiet)
            same([order["status"] for order in gone], ["canceled"] * 2)
        with check("nothing left open"):
            self.exchange.cancel_all_orders(self.quiet)
            same(self.exchange.fetch_open_orders(self.quiet), [])

    def positions(self):
        with check("a position"):
            self.exchange.create_order(self.busy, "market", "buy", 0.05)
            position = self.exchange.fetch_positions([self.busy])[0]
            same((position["side"], position["contracts"]), ("long", 0.05))
            has(position, "entryPrice", "markPrice", "notional", "initialMargin", "maintenanceMargin")
        with check("position risk"):
            row = self.exchange.fetch_positions_risk([self.busy])[0]
            same((row["side"], row["contracts"]), ("long", 0.05))
        with check("position by account"):
            rows = self.exchange.fetch_account_positions([self.busy])
            same([(row["side"], row["contracts"]) for row in rows if row["contracts"]], [("long", 0.05)])
        with check("reduce only"):
            self.exchange.create_order(self.busy, "market", "sell", 0.05, None, {"reduceOnly": True})
            same([row for row in self.exchange.fetch_positions([self.busy]) if row["contracts"]], [])
        with check.refused("reduce only with nothing to reduce", "-2022", by=ccxt.BaseError):
            self.exchange.create_order(self.busy, "market", "sell", 0.05, None, {"reduceOnly": True})

    def hedged(self):
        with check("hedge mode"):
            self.exchange.set_position_mode(True)
            same(self.exchange.fetch_position_mode()["hedged"], True)
            self.place("sell", self.price, positionSide="SHORT")
            self.place("buy", self.price, timeInForce="IOC", positionSide="LONG")
            sides = {row["side"]: row["contracts"] for row in self.exchange.fetch_positions([self.quiet])}
            same(sides, {"long": AMOUNT, "short": AMOUNT})
        with check.refused("a side that the mode does not have", "-4061", by=ccxt.BaseError):
            self.place("buy", self.price)
        with check("closed again"):
            self.place("buy", self.price, positionSide="SHORT")
            self.place("sell", self.price, timeInForce="IOC", positionSide="LONG")
            same([row for row in self.exchange.fetch_positions([self.quiet]) if row["contracts"]], [])
            self.exchange.set_position_mode(False)


def main():
    given = arguments(__doc__)
    exchange = client(given)
    if given.product == "spot":
        Spot(exchange, "BTC/USDT", "ETH/USDT").run()
    else:
        UsdM(exchange, "BTC/USDT:USDT", "ETH/USDT:USDT").run()
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
