"""A server that speaks MongoDB's wire protocol on loopback, with mongomock behind it.

For tests where no mongod is at hand: pymongo talks to it as to any server, so that sockets, BSON,
cursors and resume tokens are real. Queries are judged by mongomock; the change stream and what goes
wrong are this file's.
"""

import copy
import itertools
import socketserver
import struct
import threading

import bson
import mongomock
from bson.codec_options import CodecOptions, DatetimeConversion
from mongomock import filtering

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CODEC = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
HELLO = {
    "ok": 1.0,
    "ismaster": True,
    "isWritablePrimary": True,
    "maxBsonObjectSize": 16_777_216,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "logicalSessionTimeoutMinutes": 30,
    "minWireVersion": 0,
    "maxWireVersion": 21,
}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Double:
    """Keep databases, cursors and a log of changes; used from `with`."""

    def __init__(self):
        self.lock = threading.RLock()
        self.mock = mongomock.MongoClient()
        self.cursors, self.numbers = {}, itertools.count(1000)
        self.log, self.oldest = [], 0
        self.commands, self.failures = [], []
        self.streams, self.hangs_up_on = True, None

    def __enter__(self):
        double = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                double.converse(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.uri = f"mongodb://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def fail(self, command, code, message, skip=0):
        """Refuse a command once, after letting so many pass."""
        self.failures.append([command, skip, Refused(code, message)])

    def forget_cursors(self):
        self.cursors.clear()

    def forget_changes(self):
        """Let go of the log, as an oplog does that is full."""
        self.oldest = len(self.log)

    def seen(self, command):
        return [each for each in self.commands if command in each]

    def converse(self, reads, writes):
        while len(head := reads.read(16)) == 16:
            length, number, _, code = struct.unpack("<iiii", head)
            body = reads.read(length - 16)
            if code == OP_QUERY:
                answer = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(HELLO)
                code = OP_REPLY
            else:
                command = parsed(body)
                if self.hangs_up_on in command:
                    return
                answer = b"\0\0\0\0\0" + bson.encode(self.answer(command), codec_options=CODEC)
            writes.write(struct.pack("<iiii", 16 + len(answer), 0, number, code) + answer)

    def answer(self, command):
        name = next(iter(command))
        with self.lock:
            self.commands.append(command)
            try:
                for failure in self.failures:
                    if failure[0] == name:
                        if failure[1] == 0:
                            self.failures.remove(failure)
                            raise failure[2]
                        failure[1] -= 1
                do = getattr(self, f"do_{name}", None)
                time = {"operationTime": bson.Timestamp(1000 + len(self.log), 1)}
                return {"ok": 1.0, **time, **(do(command, command["$db"]) if do else {})}
            except Refused as error:
                return {"ok": 0.0, "errmsg": str(error), "code": error.code}

    def do_hello(self, command, database):
        return HELLO

    do_ismaster = do_isMaster = do_hello

    def do_insert(self, command, database):
        for document in command["documents"]:
            self.mock[database][command["insert"]].insert_one(copy.deepcopy(document))
            self.note(database, command["insert"], "insert", document["_id"])
        return {"n": len(command["documents"])}

    def do_update(self, command, database):
        name = command["update"]
        for each in command["updates"]:
            found = self.mock[database][name].find(each["q"])
            ids = [document["_id"] for document in found]
            for id_ in ids if each.get("multi") else ids[:1]:
                self.mock[database][name].update_one({"_id": id_}, each["u"])
                self.note(database, name, "update", id_)
        return {"n": 1, "nModified": 1}

    def do_delete(self, command, database):
        name = command["delete"]
        for each in command["deletes"]:
            for document in list(self.mock[database][name].find(each["q"])):
                self.mock[database][name].delete_one({"_id": document["_id"]})
                self.note(database, name, "delete", document["_id"])
        return {"n": 1}

    def do_drop(self, command, database):
        self.mock[database].drop_collection(command["drop"])
        self.note(database, command["drop"], "drop", None)
        return {}

    def note(self, database, name, kind, id_):
        event = {"operationType": kind, "ns": f"{database}.{name}"}
        self.log.append(event if id_ is None else {**event, "documentKey": {"_id": id_}})

    def do_listCollections(self, command, database):
        names = self.mock[database].list_collection_names()
        return self.cursor(f"{database}.$cmd", [{"name": name} for name in names], 1000)

    def do_find(self, command, database):
        name = command["find"]
        found = self.mock[database][name].find(
            typed(command.get("filter", {})), command.get("projection")
        )
        found = found.sort(list(command["sort"].items())) if command.get("sort") else found
        return self.cursor(f"{database}.{name}", list(found), command.get("batchSize", 101))

    def do_aggregate(self, command, database):
        name, stages = command["aggregate"], command["pipeline"]
        size = command["cursor"].get("batchSize", 101)
        if stages and "$changeStream" in stages[0]:
            return self.watch(f"{database}.{name}", stages[0]["$changeStream"])
        found = list(self.mock[database][name].aggregate(list(map(typed, stages))))
        return self.cursor(f"{database}.{name}", found, size)

    def watch(self, space, asked):
        if not self.streams:
            raise Refused(40573, "The $changeStream stage is only supported on replica sets")
        token = asked.get("resumeAfter")
        at = len(self.log) if token is None else int(token["_data"], 16)
        if at < self.oldest:
            raise Refused(286, "Resume of change stream was not possible, the point is gone")
        number = next(self.numbers)
        self.cursors[number] = [space, at]
        return {"cursor": {"id": number, "ns": space, "firstBatch": [], **token_at(at)}}

    def do_getMore(self, command, database):
        number = command["getMore"]
        if number not in self.cursors:
            raise Refused(43, f"cursor id {number} not found")
        space, rest = self.cursors[number]
        if isinstance(rest, int):
            events = [
                {"_id": {"_data": f"{place + 1:08x}"}, **each}
                for place, each in enumerate(self.log[rest:], rest)
                if each["ns"] == space
            ][:2]
            at = int(events[-1]["_id"]["_data"], 16) if events else len(self.log)
            self.cursors[number][1] = at
            cursor = {"id": number, "ns": space, "nextBatch": events, **token_at(at)}
            return {"cursor": cursor}
        del self.cursors[number]
        return self.cursor(space, rest, command.get("batchSize", 101), "nextBatch")

    def do_killCursors(self, command, database):
        for number in command["cursors"]:
            self.cursors.pop(number, None)
        return {}

    def cursor(self, space, documents, size, name="firstBatch"):
        some, rest = documents[:size], documents[size:]
        number = next(self.numbers) if rest else 0
        if rest:
            self.cursors[number] = [space, rest]
        return {"cursor": {"id": bson.Int64(number), "ns": space, name: some}}


def token_at(place):
    return {"postBatchResumeToken": {"_data": f"{place:08x}"}}


def parsed(body):
    """Give the command of an OP_MSG, with its document sequences as lists."""
    flags, at, command = struct.unpack_from("<I", body)[0], 4, {}
    end = len(body) - (4 if flags & 1 else 0)
    while at < end:
        kind, size = struct.unpack_from("<Bi", body, at)
        part = body[at + 1 : at + 1 + size]
        if kind == 0:
            command = {**bson.decode(part, CODEC), **command}
        else:
            name, _, documents = part[4:].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents, CODEC)
        at += 1 + size
    first = next(each for each in command if each not in ("documents", "updates", "deletes"))
    return {first: command.pop(first), **command}


def typed(query):
    """Ask for one type at a time, of those that mongomock tells apart: it takes no list of them."""
    if isinstance(query, list):
        return [typed(each) for each in query]
    if not isinstance(query, dict):
        return query
    (name, asked), *more = query.items() or [(None, None)]
    if not more and isinstance(asked, dict) and isinstance(asked.get("$type"), list):
        known = [each for each in asked["$type"] if filtering.TYPE_MAP.get(each)]
        return {"$or": [{name: {"$type": each}} for each in known] or [{"_id": {"$in": []}}]}
    return {name: typed(each) for name, each in query.items()}
