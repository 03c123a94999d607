# A workload of python3 for argv[1] seconds that goes through much of the interpreter and its library: what memory it comes to counts, not its speed.
import collections, decimal, functools, hashlib, heapq, itertools, json, math, re, struct, sys, time

class Tree:
    __slots__ = ("left", "right", "value")
    def __init__(self, depth):
        self.value = depth
        self.left = self.right = None
        if depth:
            self.left, self.right = Tree(depth - 1), Tree(depth - 1)
    def sum(self):
        return self.value + (self.left.sum() + self.right.sum() if self.left else 0)

def dictionaries(n):
    d = {str(i): [i] * 3 for i in range(8000)}
    return sum(len(v) for v in d.values()) + len(set(d) & {str(n), str(-n)})
def trees(n):
    return Tree(11).sum() + n
def texts(n):
    words = re.findall(r"\w+", ("the quick brown fox %d jumps over " % n) * 200)
    return len(" ".join(sorted(words)).upper().split("X")) + len(collections.Counter(words))
def documents(n):
    data = {"list": [{"id": i, "name": "n%d" % i, "share": i / 7} for i in range(300)], "n": n}
    return len(json.dumps(json.loads(json.dumps(data)), indent=1, sort_keys=True))
def numbers(n):
    decimal.getcontext().prec = 40
    x = sum(math.sin(i) * math.sqrt(i) for i in range(3000)) + pow(3, 2000 + n % 100, 10 ** 50)
    return int(x) + int(decimal.Decimal(n + 2).sqrt() * 10 ** 20) % 7 + len(str(2 ** 5000))
def bytes_(n):
    block = struct.pack("<1000I", *range(n, n + 1000))
    return sum(hashlib.sha256(block).digest()) + len(bytes(reversed(block)))
def generators(n):
    heap = [(i * 7919) % 1009 for i in range(2000)]
    heapq.heapify(heap)
    pairs = itertools.islice(itertools.permutations(range(8), 4), 1000)
    return heapq.heappop(heap) + sum(a * b for a, b, *_ in pairs) + fibonacci(15 + n % 3)
@functools.lru_cache(maxsize=64)
def cached(n):
    return n if n < 2 else cached(n - 1) + cached(n - 2)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
def errors(n):
    caught = 0
    for i in range(500):
        try:
            [][i] if i % 2 else {}[i]
        except (IndexError, KeyError) as error:
            caught += len(repr(error))
    source = "def f(a, b=%d, *c, **d):\n  return [a + b + i for i in range(3) if i != a]\nx = f(1)" % n
    scope = {}
    exec(compile(source, "made", "exec"), scope)
    return caught + sum(scope["x"]) + cached(50) % 10

work = [dictionaries, trees, texts, documents, numbers, bytes_, generators, errors]
end, n = time.time() + float(sys.argv[1]), 0
while time.time() < end:
    work[n % len(work)](n)
    n += 1
print(n, "rounds")
