// A server and its clients in one process, over the loopback interface.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Length", fmt.Sprint(len(body)))
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, strings.ToUpper(string(body)))
	}))
	var wait sync.WaitGroup
	lines := make([]string, 20)
	for i := range lines {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			url := fmt.Sprintf("http://%s/%d", listener.Addr(), i)
			answer, err := http.Post(url, "text/plain", strings.NewReader(strings.Repeat("ab", i*100)))
			if err != nil {
				lines[i] = err.Error()
				return
			}
			body, err := io.ReadAll(answer.Body)
			lines[i] = fmt.Sprint(answer.Status, " ", answer.Header.Get("X-Length"), " ", len(body), " ", string(body[:7]), " ", err)
		}(i)
	}
	wait.Wait()
	fmt.Println(strings.Join(lines, "\n"))
}
