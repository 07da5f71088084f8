-- What a renewal asks of the payment server: an order, and a connection of its
-- own for it, as the worker does whatever must not be sent twice.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Connection"] = "close"
wrk.body = '{"amount":"50000","currency":"SATS","metadata":{"orderId":' ..
    '"00000000-0000-4000-8000-000000000000","productId":' ..
    '"00000000-0000-4000-8000-000000000000"},"checkout":' ..
    '{"expirationMinutes":10080}}'
dofile(os.getenv("BENCH_LUA") .. "/result.lua")
