-- A loop of lua that prints a line each round: tables, methods, sorting, strings.
local function work()
  local counts, keys, total = {}, {}, 0
  local sum = { x = 1 }
  function sum:add(y)
    self.x = (self.x * 31 + y) & 0xffff
    return self.x
  end
  for i = 0, 199 do
    local key = sum:add(i) % 50
    counts[key] = (counts[key] or 0) + i
    keys[#keys + 1] = key
    if key > 25 then total = total + #keys else total = total - (counts[key] & 7) end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do total = total + key end
  return total + #table.concat(keys, "", 1, 20)
end
while true do
  print("round", work())
  io.stdout:flush()
end
