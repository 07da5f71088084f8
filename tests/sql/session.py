"""One connection that speaks as a worker does: prepared statements, generic
plans, arguments by name, lists as binary arrays."""
import struct
import uuid

import psycopg
from psycopg import pq

from statements import STATEMENTS

OPTIONS = "-c plan_cache_mode=force_generic_plan -c TimeZone=UTC"
ELEMENT = {"uuid": (2950, lambda v: uuid.UUID(str(v)).bytes),
           "text": (25, str.encode),
           "bytea": (17, bytes),
           "boolean": (16, lambda v: b"\1" if v else b"\0"),
           "float8": (701, lambda v: struct.pack(">d", v))}


class Refused(Exception):
    def __init__(self, result):
        self.sqlstate = result.error_field(pq.DiagnosticField.SQLSTATE).decode()
        super().__init__(result.error_message.decode())


def array(kind, values):
    oid, encode = ELEMENT[kind]
    body = [struct.pack(">iii", 1, int(None in values), oid),
            struct.pack(">ii", len(values), 1)]
    for value in values:
        if value is None:
            body.append(b"\xff\xff\xff\xff")
        else:
            raw = encode(value)
            body.append(struct.pack(">i", len(raw)) + raw)
    return b"".join(body)


class Session:
    def __init__(self, url, binary=False):
        self.conn = psycopg.connect(url, autocommit=True, options=OPTIONS)
        self.pg = self.conn.pgconn
        self.prepared = set()
        self.format = pq.Format.BINARY if binary else pq.Format.TEXT

    def close(self):
        self.conn.close()

    def sql(self, text):
        """Rows of a plain statement, as tuples of text."""
        return self.rows(self.pg.exec_(text.encode()))

    def prepare(self, name):
        if name not in self.prepared:
            self.rows(self.pg.prepare(name.encode(),
                                      STATEMENTS[name][0].encode()))
            self.prepared.add(name)

    def bind(self, name, args):
        _, names, types = STATEMENTS[name]
        unknown = set(args) - set(names)
        assert not unknown, f"{name} has no {unknown}"
        values, formats = [], []
        for n, kind in zip(names, types):
            value = args.get(n)
            if kind.endswith("[]") and isinstance(value, (list, tuple)):
                values.append(array(kind[:-2], value))
                formats.append(pq.Format.BINARY)
            else:
                values.append(None if value is None else str(value).encode())
                formats.append(pq.Format.TEXT)
        return values, formats

    def run(self, name, values, formats):
        return self.pg.exec_prepared(name.encode(), values, formats,
                                     self.format)

    def call(self, name, **args):
        """Rows of a statement in sql/, as dicts of text or None."""
        self.prepare(name)
        result = self.run(name, *self.bind(name, args))
        rows = self.rows(result)
        columns = [result.fname(i).decode() for i in range(result.nfields)]
        return [dict(zip(columns, row)) for row in rows]

    def locked(self, lock, name, **args):
        """The pair that a worker sends as one implicit transaction."""
        self.prepare(lock)
        self.prepare(name)
        self.sql("BEGIN")
        try:
            of_lock = {k: v for k, v in args.items()
                       if k in STATEMENTS[lock][1]}
            self.rows(self.run(lock, *self.bind(lock, of_lock)))
            rows = self.call(name, **args)
        except Refused:
            self.sql("ROLLBACK")
            raise
        self.sql("COMMIT")
        return rows

    def rows(self, result):
        if result.status not in (pq.ExecStatus.TUPLES_OK,
                                 pq.ExecStatus.COMMAND_OK):
            raise Refused(result)
        return [tuple(None if (v := result.get_value(r, c)) is None
                      else v.decode() if self.format == 0 else v
                      for c in range(result.nfields))
                for r in range(result.ntuples)]
