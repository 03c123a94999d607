// Goroutines over several threads: channels, a mutex, a select with a timer, pre-emption of loops, the collector, a pipe.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

func fill(n int) []int {
	s := []int{}
	for i := 0; i < n; i++ {
		s = append(s, i)
	}
	return s
}

func main() {
	runtime.GOMAXPROCS(4)
	var wait sync.WaitGroup
	var mutex sync.Mutex
	squares, sum := make(chan int), 0
	for i := 0; i < 100; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			squares <- i * i
			mutex.Lock()
			sum += len(fill(1000))
			mutex.Unlock()
		}(i)
	}
	total := 0
	for i := 0; i < 100; i++ {
		total += <-squares
	}
	wait.Wait()
	fmt.Println("squares", total, "filled", sum)

	// A loop without calls is pre-empted by a signal (SIGURG): otherwise the collector would wait for ever.
	stop := make(chan bool)
	for i := 0; i < 4; i++ {
		go func() {
			for {
			}
		}()
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		stop <- true
	}()
	select {
	case <-stop:
		runtime.GC()
		fmt.Println("pre-empted and collected")
	case <-time.After(30 * time.Second):
		fmt.Println("late")
	}

	read, write, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		fmt.Fprint(write, "through a pipe")
		write.Close()
	}()
	text := make([]byte, 100)
	n, err := read.Read(text)
	fmt.Println(string(text[:n]), err)

	defer func() {
		fmt.Println("recovered:", recover())
		os.Exit(3)
	}()
	var nothing *struct{ field int }
	fmt.Println(nothing.field)
}
