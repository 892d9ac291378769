"""What the scripts of the two modular SDKs share. The SDKs parse every answer and event into typed models, and say in
their log when one does not fit: that is kept, and is a check of its own at the end."""

import asyncio
import logging
import time

from common import SOON, Book, has, holds, same

AMOUNT = 0.002


class Misfits(logging.Handler):
    """Everything that the client complains of."""

    WORDS = ("did not match", "Failed to parse", "Error in callback", "Invalid type", "validation error")

    def __init__(self):
        super().__init__(logging.WARNING)
        self.found = []
        logging.getLogger().addHandler(self)

    def emit(self, record):
        text = record.getMessage()
        if any(word in text for word in self.WORDS):
            self.found.append(" ".join(text.split())[:400])

    def judge(self, check):
        for text in self.found:
            check.fail("an answer as the client's models declare it", text)
        with check("answers as the client's models declare them"):
            holds(not self.found, f"{len(self.found)} did not fit")


def plain(thing):
    """The fields of a model under the names of the wire."""
    if isinstance(thing, list):
        return [plain(one) for one in thing]
    for wrapped in ("root", "actual_instance"):
        inner = getattr(thing, wrapped, None)
        if inner is not None:
            return plain(inner)
    if not hasattr(thing, "to_dict"):
        return thing
    try:
        return thing.to_dict()
    except AttributeError:
        # Rows of numbers and texts are more than its own conversion can do.
        return thing.model_dump(by_alias=True)


def rest(response):
    return plain(response.data())


async def asked(call):
    """The result of a WS API call."""
    answer = plain((await asyncio.wait_for(call, SOON)).data())
    holds("error" not in answer, answer)
    return answer["result"]


def price_of(price, rate=1.0):
    return round(float(price) * rate, 1)


async def arrives(condition, seconds=SOON):
    """Waits until the condition gives something, and gives it."""

    async def loop():
        while not (found := condition()):
            await asyncio.sleep(0.02)
        return found

    return await asyncio.wait_for(loop(), seconds)


async def streamed(check, name, subscribe, fields):
    """Subscribes, and wants one message with its fields."""
    with check(f"stream: {name}"):
        seen = []
        stream = await subscribe
        stream.on("message", seen.append)
        message = plain((await arrives(lambda: seen))[0])
        has(message[0] if isinstance(message, list) else message, *fields.split())
        await stream.unsubscribe()


async def keep_book(check, stream, snapshot, seconds, futures):
    """The diffs of the client's stream and its snapshots make a book, by the venue's rules."""
    with check("local book under load, never out of step"):
        book, diffs = Book(snapshot, futures), []
        (await stream).on("message", lambda event: diffs.append(plain(event)))
        begun = time.monotonic()
        while book.seen.wants_more(begun, seconds):
            taken = await asyncio.to_thread(snapshot)
            for _ in range(50):
                while diffs:
                    book.take(diffs.pop(0))
                if book.seen.last >= taken["lastUpdateId"]:
                    break
                await asyncio.sleep(0.02)
            book.seen.compare(taken)
            await asyncio.sleep(0.3)
        print(f"     {book.seen.judge(seconds)}, {book.resyncs} times started over")
        same(book.resyncs, 0)


def deep(book):
    return book if len(book["bids"]) > 5 and len(book["asks"]) > 5 else None
