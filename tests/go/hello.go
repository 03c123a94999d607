// The smallest Go program with a heap: floats, maps, arguments.
package main

import (
	"fmt"
	"os"
	"sort"
)

func main() {
	counts := map[string]int{}
	for _, word := range os.Args[1:] {
		counts[word]++
	}
	words := []string{}
	for word := range counts {
		words = append(words, word)
	}
	sort.Strings(words)
	fmt.Println("hello, go", 3.5, 1/3.0, len(os.Args), words)
}
