# A loop of python3 that prints a line each round: objects, dictionaries, lists, strings.
class Sum:
    def __init__(self, x):
        self.x = x
    def add(self, y):
        self.x = (self.x * 31 + y) & 0xffff
        return self.x

def work():
    counts, keys, sum_, total = {}, [], Sum(1), 0
    for i in range(200):
        key = sum_.add(i) % 50
        counts[key] = counts.get(key, 0) + i
        keys.append(key)
        if key > 25:
            total += len(keys)
        else:
            total -= counts[key] & 7
    return total + sum(sorted(keys)) + len("".join(str(x) for x in keys[:20]))

while True:
    print("round", work(), flush=True)
