package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A crash leaves of what was not known to be durable all or nothing, whatever the rates of the disk say; and other crashes of the
// run go by the rates.
func TestACrashKeepsAllOrNothing(t *testing.T) {
	for _, kept := range []bool{true, false} {
		var found []node.File
		starts := 0
		w := newWorld(t, Options{Seed: 3, Disk: Disk{Sync: dur(ms), Replace: dur(ms), SurviveRate: 0.5, EffectRate: 0.5, TornRate: 0.5}})
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind != node.Started {
				return
			}
			starts++
			found = ev.Files
			if ev.Incarnation == 1 {
				out.Append("log", []byte("first"))
				out.Sync(1)
				out.Replace("images", []byte("images"), 2)
				out.Append("log", []byte("second"))
				out.Append("log", []byte("third"))
			}
		})
		w.Run(after(ms / 2))
		rates := w.disk
		require.NoError(t, w.CrashFor(1, kept, 3*ms))
		require.Equal(t, rates, w.disk)
		w.Run(after(2 * ms))
		require.False(t, w.Running(1))
		w.Run(after(4 * ms))
		require.Equal(t, 2, starts)
		var files []string
		for _, f := range found {
			files = append(files, f.Name+": "+string(f.Data))
		}
		want := []string(nil)
		if kept {
			want = []string{"images: images", "log: firstsecondthird"}
		}
		require.Equal(t, want, files)
	}
	w := newWorld(t, Options{})
	add(t, w, 1, "a", func(node.Time, node.Event, *node.Effects) {})
	w.Run(after(ms))
	require.NoError(t, w.CrashFor(1, true, 0))
	w.Run(after(9 * ms))
	require.False(t, w.Running(1), "it stays down until it is started")
	require.ErrorContains(t, w.CrashFor(1, true, 0), "it is down")
	require.ErrorContains(t, w.CrashFor(7, true, 0), "no such process")
}
