-- One statement may move units of several order lines. They are counted one after the other by their key, so that two such
-- statements never wait for each other in a circle.
CREATE OR REPLACE FUNCTION count_used_units() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE line record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    FOR line IN SELECT order_id, count(*)::int AS units FROM new_rows
      WHERE state IN ('RESERVED', 'VALID') AND order_id IS NOT NULL GROUP BY order_id ORDER BY order_id
    LOOP
      UPDATE app_order SET used = used + line.units WHERE order_id = line.order_id;
    END LOOP;
  ELSIF TG_OP = 'UPDATE' THEN
    FOR line IN SELECT order_id, sum(n)::int AS units FROM
        (SELECT order_id, 1 AS n FROM new_rows WHERE state IN ('RESERVED', 'VALID')
         UNION ALL SELECT order_id, -1 FROM old_rows WHERE state IN ('RESERVED', 'VALID')) moved
      WHERE order_id IS NOT NULL GROUP BY order_id HAVING sum(n) <> 0 ORDER BY order_id
    LOOP
      UPDATE app_order SET used = used + line.units WHERE order_id = line.order_id;
    END LOOP;
  ELSE
    FOR line IN SELECT order_id, count(*)::int AS units FROM old_rows
      WHERE state IN ('RESERVED', 'VALID') AND order_id IS NOT NULL GROUP BY order_id ORDER BY order_id
    LOOP
      UPDATE app_order SET used = used - line.units WHERE order_id = line.order_id;
    END LOOP;
  END IF;
  RETURN NULL;
END $$;
