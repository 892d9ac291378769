"""What the scripts of the two classic connectors share: their sockets bring messages in threads of their own."""

import json
import threading
import time

from binance.error import ClientError

from common import Book, has, holds, same, soon

REFUSALS = (ClientError,)
AMOUNT = "0.002"


def price_of(price, rate=1.0):
    return f"{round(float(price) * rate, 1):.1f}"


class Listener:
    """A client's websocket, and what it brought."""

    def __init__(self, client, url, **more):
        self.messages, self.errors, self.lock = [], [], threading.Lock()
        self.client = client(stream_url=url, on_message=self.take, on_error=lambda _, why: self.errors.append(why), **more)

    def take(self, _, text):
        with self.lock:
            self.messages.append(json.loads(text))

    def taken(self):
        with self.lock:
            messages, self.messages = self.messages, []
        return messages

    def first(self, condition, what):
        """The first message that satisfies; those before it are dropped."""
        return soon(lambda: next((message for message in self.taken() if condition(message)), None), what)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop()


def streams(check, client, url, wanted):
    """Subscribes to each and wants a message with its fields."""
    for name, subscribe, fields in wanted:
        with check(f"stream: {name}"), Listener(client, url) as listener:
            subscribe(listener.client)
            message = listener.first(lambda message: "result" not in message, name)
            has(message[0] if isinstance(message, list) else message, *fields.split())


def keep_book(check, client, url, symbol, snapshot, seconds, futures):
    """The diffs of the client's stream and its snapshots make a book, by the venue's rules."""
    with check("local book under load, never out of step"):
        book = Book(snapshot, futures)
        with Listener(client, url) as listener:
            listener.client.diff_book_depth(symbol=symbol, speed=100)
            begun = time.monotonic()
            while book.seen.wants_more(begun, seconds):
                taken = snapshot()
                for _ in range(50):
                    for message in listener.taken():
                        if "result" not in message:
                            book.take(message)
                    if book.seen.last >= taken["lastUpdateId"]:
                        break
                    time.sleep(0.02)
                book.seen.compare(taken)
                time.sleep(0.3)
            same(listener.errors, [])
        print(f"     {book.seen.judge(seconds)}, {book.resyncs} times started over")
        same(book.resyncs, 0)


def deep(book):
    return book if len(book["bids"]) > 5 and len(book["asks"]) > 5 else None


def crossed(book):
    holds(float(book["bids"][0][0]) < float(book["asks"][0][0]), book)
