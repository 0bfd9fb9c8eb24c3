-- What a receipt tells was done before it was told. Dates that lay ahead, by a laptop's wrong clock, stood for the last word on their
-- license, and kept what was told later from being seen.
UPDATE receipt_entry SET at = counted_at WHERE at > counted_at;
ALTER TABLE receipt_entry ADD CONSTRAINT receipt_entry_not_ahead CHECK (at <= counted_at);
-- Only receipts date what was seen by another clock than the database's; a gateway's own look has a wish, or its time from here.
UPDATE installation SET observed_at = now() WHERE presence IS NULL AND observed_at > now();
