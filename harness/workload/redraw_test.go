package workload

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// drawer is a client that keeps the seed of what it begins.
type drawer struct{ seed uint64 }

func (d *drawer) Start(node.Time, Port)                       {}
func (d *drawer) Reply(node.Time, node.ID, *node.Reply, Port) {}
func (d *drawer) Timer(node.Time, node.Timer, Port)           {}
func (d *drawer) Redraw(seed uint64)                          { d.seed = seed }

func TestAnActorHandsTheNewSeedOnBeforeTheClientActs(t *testing.T) {
	for name, do := range map[string]func(Actor, *runtime.Calls){
		"start": func(a Actor, c *runtime.Calls) { a.Start(1, c) },
		"reply": func(a Actor, c *runtime.Calls) { a.Reply(1, 2, node.Reply{}, c) },
		"timer": func(a Actor, c *runtime.Calls) { a.Timer(1, 2, c) },
	} {
		d := &drawer{seed: 3}
		do(Actor{Client: d}, &runtime.Calls{})
		require.Equal(t, uint64(3), d.seed, name)
		do(Actor{Client: d}, &runtime.Calls{Redrawn: 9})
		require.Equal(t, uint64(9), d.seed, name)
	}
}

// What a client has begun it goes on with, and what it begins then is that of the other seed.
func TestWhatAClientBeginsIsThatOfTheNewSeed(t *testing.T) {
	wants := func(seed uint64, redraw func(*Client)) string {
		c := NewClient(plain(), seed, 2, &Directory{}, &History{})
		first, ok := c.fromMix()
		require.True(t, ok)
		redraw(c)
		text, err := json.Marshal([]string{first.kind.String()})
		require.NoError(t, err)
		for range 20 {
			s, ok := c.fromMix()
			require.True(t, ok)
			text = append(text, s.kind.String()...)
		}
		return string(text)
	}
	as := wants(5, func(*Client) {})
	require.Equal(t, as, wants(5, func(c *Client) { c.Redraw(5) }))
	require.NotEqual(t, as, wants(5, func(c *Client) { c.Redraw(6) }))
}
