-- Shows every key of BENCH_REQUESTS BENCH_PASSES times, so that each worker
-- has checked its signature, and ends.  What is asked is cheap: a heartbeat of
-- a machine that nobody has.
local requests, at = {}, 0
local passes = tonumber(os.getenv("BENCH_PASSES"))

function init(args)
   for line in io.lines(os.getenv("BENCH_REQUESTS")) do
      local key, product, fingerprint, address =
         line:match("(%S+) (%S+) (%S+) (%S+)")
      local body = '{"key":"' .. key .. '","fingerprint":"nobody"}'
      requests[#requests + 1] = "POST /v1/machines/heartbeat HTTP/1.1\r\n" ..
         "Host: " .. wrk.host .. "\r\n" ..
         "X-Forwarded-For: " .. address .. "\r\n" ..
         "Content-Type: application/json\r\n" ..
         "Content-Length: " .. #body .. "\r\n\r\n" .. body
   end
   collectgarbage()
   collectgarbage("stop")
end

function request()
   at = at + 1
   if at == passes * #requests then
      os.exit(0)  -- stopping the thread would leave wrk asleep to its end
   end
   return requests[(at - 1) % #requests + 1]
end
