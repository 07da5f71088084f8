-- One line of figures at the end of a run.
function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      "RESULT rps=%.0f p50=%.2f p99=%.2f n=%d bad=%d\n",
      summary.requests / summary.duration * 1e6,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000,
      summary.requests,
      e.connect + e.read + e.write + e.status + e.timeout))
end
