-- As flash-sale.lua, for a SKU of many: its keys are made of its name.
-- KEYS: the SKU. ARGV: buyer, request id.
local stock, buyers, orders = KEYS[1] .. ':stock', KEYS[1] .. ':buyers', KEYS[1] .. ':orders'
if redis.call('SISMEMBER', buyers, ARGV[1]) == 1 then return 'LIMIT' end
if tonumber(redis.call('GET', stock)) < 1 then return 'SOLD_OUT' end
redis.call('DECR', stock)
redis.call('SADD', buyers, ARGV[1])
redis.call('XADD', orders, '*', 'buyer', ARGV[1], 'req', ARGV[2])
return 'RESERVED'
