-- Sends the lines of the file that BODIES names, in turn, each as the body of a request.
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do
  bodies[#bodies + 1] = line
end
local place = math.random(#bodies)
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"

function request()
  place = place % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[place])
end
