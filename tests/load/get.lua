-- GET / as fast as it goes.
dofile(os.getenv("BENCH_LUA") .. "/result.lua")
