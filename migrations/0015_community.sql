-- Figures that an operator may choose to send somewhere, once a day; the first
-- time five minutes after they were switched on.
INSERT INTO jobs (name, every) VALUES ('community', '24 hours')
ON CONFLICT (name) DO NOTHING;
