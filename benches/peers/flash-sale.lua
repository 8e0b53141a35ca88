-- The usual flash sale on Redis, as one script: has the buyer bought, is there stock, take one, remember the buyer,
-- append the order to a stream.
-- KEYS: stock, buyers, orders. ARGV: buyer, request id.
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return 'LIMIT' end
if tonumber(redis.call('GET', KEYS[1])) < 1 then return 'SOLD_OUT' end
redis.call('DECR', KEYS[1])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('XADD', KEYS[3], '*', 'buyer', ARGV[1], 'req', ARGV[2])
return 'RESERVED'
