-- Finding licenses and machines by what people have at hand.

-- An address in upper or lower case.
CREATE INDEX IF NOT EXISTS licenses_address ON licenses
	(lower(buyer_email), created_at, id) WHERE buyer_email IS NOT NULL;
-- Lists of one state: the few that are halted, and those that ran out.
CREATE INDEX IF NOT EXISTS licenses_status ON licenses
	(status, created_at, id) WHERE status <> 'active';
DROP INDEX IF EXISTS licenses_halted;	-- begins like the one before
CREATE INDEX IF NOT EXISTS licenses_expiry ON licenses (expires_at, id)
	WHERE status = 'active' AND expires_at IS NOT NULL;
-- The machine of a fingerprint, whatever its license.  By eight bytes of the
-- hash, which no statement of the hot path asks for: one by the hash itself
-- could be chosen over machines_seat, and a fingerprint that many licenses
-- share would then be read license by license.
CREATE INDEX IF NOT EXISTS machines_fingerprint ON machines
	(substr(fingerprint_hash, 1, 8));
-- Lists of all machines; unlike the time last seen, this one doesn't change.
CREATE INDEX IF NOT EXISTS machines_newest ON machines (activated_at, id);
