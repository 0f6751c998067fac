-- Version 2: leases keep their deadline on the clock nobody can set back, and
-- handles remember when they were last used.

ALTER TABLE lease ADD COLUMN expires_boot_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';

ALTER TABLE handle ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;
UPDATE handle SET last_used = created_at;
