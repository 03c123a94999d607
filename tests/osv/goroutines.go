// A Go program: static, and its runtime knows no libc. Goroutines on several threads, channels, a timer, a collection.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	fmt.Println("hello from Go", len(os.Args))
	runtime.GOMAXPROCS(4)
	numbers := make(chan int)
	var group sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for worker := 0; worker < 8; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range numbers {
				lock.Lock()
				sum += n * n
				lock.Unlock()
			}
		}()
	}
	for n := 1; n <= 200; n++ {
		numbers <- n
	}
	close(numbers)
	group.Wait()
	runtime.GC()
	select {
	case <-time.After(time.Millisecond):
		fmt.Println("time passes", sum)
	}
	pieces := make([][]byte, 0)
	for n := 0; n < 100; n++ {
		pieces = append(pieces, make([]byte, 10000))
	}
	fmt.Println(len(pieces), len(pieces[99]))
}
