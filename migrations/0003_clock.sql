-- What time it is, in one place.  Every statement asks licet_now(), which is
-- now() and inlined, so it costs nothing.  A replica whose clock tests may move
-- (LICET_CLOCK=movable, refused in production) puts the schema licet_moved in
-- front of its search path and finds another licet_now() there.
--
-- Bodies are text, so that names in them are looked up when a session plans
-- them, on its own search path.  A column's default or a view would be bound
-- to one clock for ever: defaults say licet_now_default().

-- The time at which the transaction began.
CREATE FUNCTION licet_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()';

-- The same, for the default of a column.
CREATE FUNCTION licet_now_default() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT licet_now()';

-- Grows within a transaction, even within a statement.
CREATE FUNCTION licet_clock_timestamp() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS
    'SELECT licet_now() + (clock_timestamp() - now())';
