package configuration_test

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/configuration"
)

// A configuration is written by hand and read. The system under test reads its own part of it, the settings.
func Example() {
	c, err := configuration.Read(strings.NewReader(`{
		"version": 4, "system": "register", "seed": 7, "settings": {"clients": 2},
		"network": {"latency": "140µs"}, "disk": {"sync": "800µs"},
		"plan": {"horizon": "300ms", "faults": [{"kind": "crash", "at": "5ms", "for": "1ms", "nodes": ["replica 1"]}]},
		"ending": {"bound": "2s", "calm": "100ms", "settle": "100ms", "crash": true},
		"limits": {"events": 400000, "time": "2m", "bytes": 268435456}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var settings struct {
		Clients int `json:"clients"`
	}
	err = c.ReadSettings(&settings)
	fmt.Println(c.System, "seed", c.Seed, "clients", settings.Clients, err)
	fmt.Println(c.Plan.Faults[0].Kind, "at", c.Plan.Faults[0].At)
	// Output:
	// register seed 7 clients 2 <nil>
	// crash at 5ms
}
