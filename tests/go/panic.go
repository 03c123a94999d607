// A nil pointer that nobody recovers: SIGSEGV becomes a panic with a trace and status 2.
package main

type node struct {
	next  *node
	value int
}

func length(n *node) int {
	return n.value + length(n.next)
}

func main() {
	println(length(&node{value: 1}))
}
