package configuration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/configuration"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

const whole = `{"version":4,"system":"mine","seed":7,"settings":{"anything":[1,2]},
"network":{"latency":"140µs"},"disk":{"sync":"822µs"},
"plan":{"horizon":"300ms","faults":[{"kind":"crash","at":"5ms","for":"1ms","nodes":["replica 1"]}]},
"ending":{"bound":"2s","calm":"118ms","settle":"100ms","crash":true},"limits":{"events":400000,"time":"2m","bytes":268435456}}`

func TestAConfigurationIsReadAndWritten(t *testing.T) {
	c, err := configuration.Read(strings.NewReader(whole))
	require.NoError(t, err)
	again, err := configuration.Read(strings.NewReader(c.String()))
	require.NoError(t, err)
	require.Equal(t, c.String(), again.String())
	var mine struct {
		Anything []int `json:"anything"`
	}
	require.NoError(t, c.ReadSettings(&mine))
	require.Equal(t, []int{1, 2}, mine.Anything)
	require.ErrorContains(t, c.ReadSettings(&struct{}{}), "configuration: settings of mine: anything: expected one of the keys")
	c.Settings = nil
	require.ErrorContains(t, c.ReadSettings(&mine), "configuration: settings is missing, want those of the system mine")
}

// A key that is misspelt deep inside of a plan would otherwise take the fault out of it in silence.
func TestWhatIsNotUnderstoodIsRefusedByItsPath(t *testing.T) {
	for want, change := range map[string][2]string{
		"plan.faults[0].node: expected one of the keys at, az, bandwidth, extra, factor, for, hit, kind, nodes, point, queue, rate, salt, to, when, found an unknown key": {`"nodes"`, `"node"`},
		"plan.fault: expected one of the keys beyondBudget, faults, horizon, found an unknown key":                                                                        {`"faults"`, `"fault"`},
		`network.latency: expected a duration like "1.5ms", found "soon"`:                                                                                                 {`140µs`, `soon`},
		"limits.events: expected a number that fits uint64, found -1":                                                                                                     {`400000`, `-1`},
		"configuration: system is missing, want the name of a system":                                                                                                     {`"mine"`, `""`},
		"configuration: version is 2, want 4":                                                                                                                             {`"version":4`, `"version":2`},
		"configuration: ending.bound is 0s, want 1µs to 1h":                                                                                                               {`"bound":"2s"`, `"bound":"0s"`},
	} {
		text := strings.Replace(whole, change[0], change[1], 1)
		require.NotEqual(t, whole, text)
		_, err := configuration.Read(strings.NewReader(text))
		require.ErrorContains(t, err, want)
	}
}
