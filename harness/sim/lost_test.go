package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// lostIn runs one node that does something at its first start and at 6ms, and returns what its listener heard was lost, by kind of event, and
// which operations began.
func lostIn(t *testing.T, o Options, listens bool, at6 func(out *node.Effects), fs ...faults.Fault) (lost map[EventKind][]LostWrite, begun []Begun, hash uint64) {
	o.Disk.Sync, o.Disk.Replace = dur(ms), dur(ms)
	w := newWorld(t, o)
	lost = map[EventKind][]LostWrite{}
	if listens {
		w.Listen(func(e *Event) {
			if len(e.Lost) > 0 {
				lost[e.Kind] = append(lost[e.Kind], e.Lost...)
			}
		})
		w.ListenDisk(func(id node.ID, b *Begun) {
			require.EqualValues(t, 1, id)
			begun = append(begun, *b)
		})
	}
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		switch {
		case ev.Kind == node.Started && ev.Incarnation == 1:
			out.Append("log", []byte("kept"))
			out.Sync(1)
			out.SetTimer(1, 6*ms)
		case ev.Kind == node.Fired:
			at6(out)
		}
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: fs}, runtime.Succession{}))
	w.Run(after(100 * ms))
	if !listens {
		require.Empty(t, w.parties[0].lost, "nothing is kept for a listener that there is not")
	}
	return lost, begun, w.Hash()
}

// Which write a crash took, when it was begun and why it was not durable is what a restart that forgets is explained by. It is no part of a
// run's identity.
func TestAListenerHearsWhatIsLost(t *testing.T) {
	unsynced := func(out *node.Effects) { out.Append("log", []byte("+one")) }
	synced := func(out *node.Effects) {
		out.Append("log", []byte("+one"))
		out.Sync(2)
	}
	replaced := func(out *node.Effects) { out.Replace("log", []byte("new"), 2) }
	crashAt65 := crashAt90
	crashAt65.At = dur(6*ms + ms/2)
	for name, c := range map[string]struct {
		at6    func(out *node.Effects)
		faults []faults.Fault
		kind   EventKind
		want   LostWrite
	}{
		"never synced":          {unsynced, []faults.Fault{crashAt90}, EventCrash, LostWrite{File: "log", From: 4, Bytes: 4, Why: NeverSynced}},
		"before its sync ended": {synced, []faults.Fault{crashAt65}, EventCrash, LostWrite{File: "log", From: 4, Bytes: 4, Why: NeverSynced}},
		"a replace under way":   {replaced, []faults.Fault{crashAt65}, EventCrash, LostWrite{File: "log", Bytes: 3, Why: NotReplaced}},
		"a sync that lies":      {synced, []faults.Fault{spoils(faults.DiskLies, 1)}, EventDisk, LostWrite{File: "log", From: 4, Bytes: 4, Why: LiedAbout}},
		"a replace that lies":   {replaced, []faults.Fault{spoils(faults.DiskLies, 1)}, EventDisk, LostWrite{File: "log", Bytes: 3, Why: LiedAbout}},
		"a lie and a crash":     {synced, []faults.Fault{spoils(faults.DiskLies, 1), crashAt90}, EventCrash, LostWrite{File: "log", From: 4, Bytes: 4, Why: LiedAbout}},
		"a lost append":         {synced, []faults.Fault{spoils(faults.WriteLost, 1)}, EventDisk, LostWrite{File: "log", From: 4, Bytes: 4, Why: WriteNeverMade}},
		"a misplaced append":    {synced, []faults.Fault{spoils(faults.WriteMisplaced, 1)}, EventDisk, LostWrite{File: "log", From: 4, Bytes: 4, Why: WriteElsewhere}},
	} {
		o := Options{Seed: 1}
		lost, begun, hash := lostIn(t, o, true, c.at6, c.faults...)
		require.Len(t, lost[c.kind], 1, "%s: %v", name, lost)
		found := lost[c.kind][0]
		require.NotZero(t, found.Cause, name)
		cause := false
		for _, b := range begun {
			cause = cause || b.Cause == found.Cause && b.File == found.File && b.Bytes == found.Bytes && b.From == found.From
		}
		require.True(t, cause, "%s: the event in whose step it was begun is that of an operation that was heard of: %v", name, begun)
		found.Cause = 0
		require.Equal(t, c.want, found, name)
		require.Equal(t, c.want.Why == LiedAbout || c.want.Why == WriteNeverMade || c.want.Why == WriteElsewhere, found.Told(), name)

		_, _, silent := lostIn(t, o, false, c.at6, c.faults...)
		require.Equal(t, silent, hash, "%s: who listens changes nothing", name)
	}
	lost, _, _ := lostIn(t, Options{Seed: 1}, true, synced, crashAt90)
	require.Empty(t, lost, "what was synced is not lost")
	require.Equal(t, "the disk lied about it", LiedAbout.String())
}
