\set buyer random(1, 1000000000000)
\set request random(1, 1000000000000)
WITH taken AS (UPDATE sku SET available = available - 1 WHERE id = 'hot' AND available > 0 RETURNING id)
INSERT INTO orders (sku, buyer, request) SELECT id, :buyer, :request FROM taken;
