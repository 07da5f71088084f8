-- POST /v1/validate with random lines of BENCH_REQUESTS, made before the run.
dofile(os.getenv("BENCH_LUA") .. "/result.lua")

local requests = {}

function init(args)
   math.randomseed(os.time())
   for line in io.lines(os.getenv("BENCH_REQUESTS")) do
      local key, product, fingerprint, address =
         line:match("(%S+) (%S+) (%S+) (%S+)")
      local body = '{"key":"' .. key .. '","product_slug":"' .. product .. '"'
      if fingerprint ~= "-" then
         body = body .. ',"fingerprint":"' .. fingerprint .. '"'
      end
      body = body .. "}"
      requests[#requests + 1] = "POST /v1/validate HTTP/1.1\r\n" ..
         "Host: " .. wrk.host .. "\r\n" ..
         "User-Agent: example-app/1.4\r\n" ..
         "X-Forwarded-For: " .. address .. "\r\n" ..
         "Content-Type: application/json\r\n" ..
         "Content-Length: " .. #body .. "\r\n\r\n" .. body
   end
   collectgarbage()
   collectgarbage("stop")
end

function request()
   return requests[math.random(#requests)]
end
