-- Loops, tables, strings and closures that luajit compiles; prints what lua prints as well.
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
local s, t = 0, {}
for i = 1, 200000 do s = s + i % 7 * 3 end
for i = 1, 2000 do t[i] = (i * 7919) % 1000 end
table.sort(t)
local parts = {}
for i = 1, 500 do parts[#parts + 1] = string.format("%d:%s", t[i * 4], ("x"):rep(i % 5)) end
local x = 0.5
for i = 1, 100000 do x = x * 1.0000001 + math.sin(i) / 3 end
print(fib(20), s, t[1], t[1000], #table.concat(parts, ","), string.format("%.6f", x), jit and jit.status() or true)
