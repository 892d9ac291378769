"""The judge finds what it is there to find."""

import json
import unittest

from ledger import Ledger, unlabelled


def order(symbol, epoch, sequence, time, leg="m", status="FILLED", ended=None):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    name = f"stmain{'0' * 5}a{'0' * 5}{digits[epoch]}{sequence:08}{leg}"
    return {"clientOrderId": name, "symbol": symbol, "time": time, "updateTime": ended or time, "status": status}


def ledger(*orders):
    judge = Ledger()
    judge.read(json.dumps(orders))
    return judge


class Judge(unittest.TestCase):
    def test_a_clean_hand_over(self):
        judge = ledger(order("A", 1, 1, 100), order("A", 1, 2, 200, ended=300), order("A", 2, 1, 900))
        self.assertEqual(judge.overlaps(), [])
        self.assertEqual(judge.gaps(0), [700])
        self.assertEqual(judge.gaps(901), [])

    def test_two_owners_at_a_time(self):
        judge = ledger(order("A", 1, 1, 100), order("A", 2, 1, 150), order("A", 1, 2, 200))
        self.assertEqual(len(judge.overlaps()), 1)

    def test_an_owner_that_begins_while_an_order_of_the_old_one_rests(self):
        judge = ledger(order("A", 1, 1, 100, ended=400, status="CANCELED"), order("A", 2, 1, 300))
        self.assertEqual(len(judge.overlaps()), 1)

    def test_epochs_only_grow(self):
        judge = ledger(order("A", 2, 1, 100), order("A", 1, 1, 300))
        self.assertEqual(len(judge.overlaps()), 1)

    def test_other_symbols_do_not_matter(self):
        judge = ledger(order("A", 1, 1, 100), order("B", 2, 1, 100), order("A", 1, 2, 200))
        self.assertEqual(judge.overlaps(), [])

    def test_strangers_orders_are_not_judged(self):
        stranger = {**order("A", 1, 1, 100, status="NEW"), "clientOrderId": "someone"}
        self.assertEqual(ledger(stranger).open(), [])

    def test_what_is_open_and_what_was_late(self):
        judge = ledger(order("A", 1, 1, 100, status="NEW", ended=100), order("A", 1, 2, 260))
        self.assertEqual(len(judge.open()), 1)
        self.assertEqual(judge.placed_after({("A", 1)}, 200), [60])
        self.assertEqual(judge.placed_after({("A", 2)}, 200), [])

    def test_a_trade_joins_one_label(self):
        trade = {"makerClientOrderId": "a", "id": 7}
        label = {"maker": {"client_id": "a", "fills": [{"trade_id": 7}]}}
        other = {"maker": {"client_id": "b", "fills": [{"trade_id": 7}]}}
        self.assertEqual(unlabelled([trade], [label, other]), [])
        self.assertEqual(unlabelled([trade], [other]), [trade])
        self.assertEqual(unlabelled([trade], [label, label]), [trade])

    def test_a_later_answer_replaces_an_earlier_one(self):
        judge = ledger(order("A", 1, 1, 100, status="NEW"))
        judge.read(json.dumps([order("A", 1, 1, 100, ended=500, status="CANCELED")]))
        self.assertEqual((judge.open(), judge.longest_maker(0)), ([], 400))


if __name__ == "__main__":
    unittest.main()
