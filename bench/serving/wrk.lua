-- Sends the lines of the file that BODIES names, in turn, each as the body of a request. The requests are made before the first is sent: what
-- it takes to make them is no part of what is measured.
local requests = {}
local place = 0
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"

function init()
  for line in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, line)
  end
  place = math.random(#requests)
end

function request()
  place = place % #requests + 1
  return requests[place]
end
