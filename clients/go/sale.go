// A sale through redigo. Usage: sale HOST:PORT SKU. Exits with 1 if an answer is wrong.
package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/gomodule/redigo/redis"
)

type list = []interface{}

func expect(what string, got, wanted interface{}) {
	if !reflect.DeepEqual(got, wanted) {
		fmt.Fprintf(os.Stderr, "redigo: %s\n  got:    %#v\n  wanted: %#v\n", what, got, wanted)
		os.Exit(1)
	}
}

// plain makes text of what redigo leaves as bytes.
func plain(reply interface{}) interface{} {
	switch reply := reply.(type) {
	case []byte:
		return string(reply)
	case list:
		items := make(list, len(reply))
		for at, item := range reply {
			items[at] = plain(item)
		}
		return items
	}
	return reply
}

// fields are what a map holds, which RESP2 shows as an array.
func fields(reply interface{}) map[string]interface{} {
	pairs, ok := reply.(list)
	expect("a map", ok && len(pairs)%2 == 0, true)
	shown := map[string]interface{}{}
	for at := 0; at < len(pairs); at += 2 {
		shown[pairs[at].(string)] = pairs[at+1]
	}
	return shown
}

func pick(shown map[string]interface{}, names ...string) list {
	picked := make(list, len(names))
	for at, name := range names {
		picked[at] = shown[name]
	}
	return picked
}

func status(reply interface{}) string {
	words, ok := reply.(list)
	expect("a status", ok && len(words) > 0, true)
	return words[0].(string)
}

func count(statuses []string, wanted string) int {
	found := 0
	for _, status := range statuses {
		if status == wanted {
			found++
		}
	}
	return found
}

func sell(client redis.Conn, sku string) {
	ask := func(command string, words ...interface{}) interface{} {
		reply, err := client.Do(command, words...)
		expect(command, err, nil)
		return plain(reply)
	}
	refused := func(code, command string, words ...interface{}) {
		_, err := client.Do(command, words...)
		told, ok := err.(redis.Error)
		expect(command+" is an error "+code, ok && strings.HasPrefix(string(told), code), true)
	}
	order := "{" + sku + "}:o:1"
	document := `{"title": "Phone 双十一", "stock": 200, "currency": "CNY", "price": {"fixed": 599900}}`
	expect("ping", ask("PING"), "PONG")
	expect("put", ask("SKU.PUT", sku, document), list{"CREATED"})
	shown := fields(ask("SKU.GET", sku))
	expect("get", pick(shown, "title", "state", "available", "ends_at"), list{"Phone 双十一", "OPEN", int64(200), nil})
	held := ask("ORDER.RESERVE", sku, "r1", "u1", 2)
	expect("reserve", held.(list)[:3], list{"RESERVED", order, int64(1199800)})
	expect("reserve again", ask("ORDER.RESERVE", sku, "r1", "u1", 2), held)
	expect("too little", ask("ORDER.PAY", order, "p1", 1, "pay-1"), list{"AMOUNT_MISMATCH", int64(1199800)})
	expect("pay", ask("ORDER.PAY", order, "p1", 1199800, "pay-1"), list{"PAID", order})
	expect("sold out", ask("ORDER.RESERVE", sku, "r2", "u2", 199), list{"SOLD_OUT"})
	expect("nothing", ask("SKU.GET", sku+"-none"), nil)
	refused("IDEMPREUSE ", "ORDER.RESERVE", sku, "r1", "u1", 3)
	refused("ERR unknown command", "GET", sku)
	shown = fields(ask("ORDER.GET", order))
	expect("order", pick(shown, "state", "buyer", "qty", "room"), list{"PAID", "u1", int64(2), nil})
}

func pipeline(client redis.Conn, sku string) {
	for n := 0; n < 100; n++ {
		expect("send", client.Send("ORDER.RESERVE", sku, fmt.Sprint("p", n), "u3", 1), nil)
	}
	expect("send", client.Send("SKU.GET", sku), nil)
	expect("flush", client.Flush(), nil)
	receive := func() interface{} {
		reply, err := client.Receive()
		expect("receive", err, nil)
		return plain(reply)
	}
	for n := 0; n < 100; n++ {
		expect("pipeline", status(receive()), "RESERVED")
	}
	expect("get behind it", fields(receive())["available"], int64(98))
}

// crowd shares a pool; together they get exactly what is left.
func crowd(pool *redis.Pool, sku string) {
	var taken []string
	var lock sync.Mutex
	var buyers sync.WaitGroup
	for buyer := 0; buyer < 8; buyer++ {
		buyers.Add(1)
		go func(buyer string) {
			defer buyers.Done()
			for n := 0; n < 20; n++ {
				client := pool.Get()
				reply, err := client.Do("ORDER.RESERVE", sku, fmt.Sprint("c", n), buyer, 1)
				expect("crowd", err, nil)
				expect("close", client.Close(), nil)
				lock.Lock()
				taken = append(taken, status(plain(reply)))
				lock.Unlock()
			}
		}(fmt.Sprint("u1", buyer))
	}
	buyers.Wait()
	expect("crowd", []int{count(taken, "RESERVED"), count(taken, "SOLD_OUT")}, []int{98, 62})
	client := pool.Get()
	reply, err := client.Do("REPORT", sku)
	expect("report", err, nil)
	report := fields(plain(reply))
	stock := pick(report, "available", "reserved", "sold", "balanced")
	expect("report", stock, list{int64(0), int64(198), int64(2), int64(1)})
	expect("orders by state", fields(report["orders"])["RESERVED"], int64(198))
	expect("close", client.Close(), nil)
}

func main() {
	address, sku := os.Args[1], os.Args[2]
	pool := &redis.Pool{
		MaxIdle: 8,
		Dial:    func() (redis.Conn, error) { return redis.Dial("tcp", address, redis.DialClientName("sale")) },
	}
	client := pool.Get()
	sell(client, sku)
	pipeline(client, sku)
	expect("close", client.Close(), nil)
	crowd(pool, sku)
	fmt.Println("redigo ok")
}
