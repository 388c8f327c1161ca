package aurora

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
)

// While the object store is away nothing is dropped that is not backed up, and afterwards all of it is.
func TestTheBackupCatchesUp(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Crash, faults.Partition} {
		c := quiet(t)
		c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
		c.Plan.Faults = []faults.Fault{{Kind: kind, At: c.Plan.Horizon / 4, For: c.Plan.Horizon / 2, Nodes: []string{string(faults.Objects)}}}
		r := run(c)
		require.Equal(t, judge.Pass, r.Verdict, "%s: %v", kind, r.Findings)
		require.Equal(t, kind == faults.Crash, r.Counts.StoreStarts == 1, "%s", kind)
		_, err := backup.Restore(r.Backup, 0)
		require.NoError(t, err)
		var span *backup.NoSuchPointError
		_, err = backup.Restore(r.Backup, 1<<60)
		require.ErrorAs(t, err, &span)
		require.Zero(t, span.Oldest)
		require.Greater(t, span.Newest, node.LSN(100), "%s", kind)
	}
}

// A backup that is not what was put there is found out.
func TestABadBackupIsObjectedTo(t *testing.T) {
	with := func(get func(name string, data []byte) ([]byte, error)) harness.Result {
		of := Ours()
		of.Objects = func(hook node.Hook) node.Node { return &liarStore{Store: objects.New(hook), get: get} }
		c := quiet(t)
		c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
		return runOf(of, c)
	}
	sound := with(truth)
	require.Equal(t, judge.Pass, sound.Verdict, "%v", sound.Findings)
	require.Greater(t, sound.Counts.Restores, uint64(1))
	require.Positive(t, sound.Counts.RestoredRows)

	rotten := with(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/") {
			data[len(data)/2] ^= 1
		}
		return data, nil
	})
	objected(t, rotten, faults.Restore, "expected a volume, found backup: VDL ", "object log/00000/", "its checksum does not fit")

	lost := with(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/00001/") {
			return nil, &backup.MissingError{Name: name}
		}
		return data, nil
	})
	objected(t, lost, faults.Restore, "expected at most 0 objects that cannot be read", "log/00001/0000000000000001-")

	// Restored from the images behind it, a volume would not show that it is missing.
	of := Ours()
	of.Objects = func(hook node.Hook) node.Node {
		return &liarStore{Store: objects.New(hook), get: truth, list: func(names []string) []string {
			return slices.DeleteFunc(names, func(name string) bool {
				return strings.HasPrefix(name, "log/") && strings.Contains(name, "/0000000000000001-")
			})
		}}
	}
	c := quiet(t)
	c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
	objected(t, runOf(of, c), faults.Restore, "expected every point from the beginning on", "found none before")
	// Nor would the points that are restored all lie outside of a gap, or nothing be restored for it.
	of.Objects = func(hook node.Hook) node.Node {
		return &liarStore{Store: objects.New(hook), get: truth, list: func(names []string) []string {
			return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "log/00000/0000000000000017-") })
		}}
	}
	objected(t, runOf(of, c), faults.Restore, "expected the log without a gap", "found none of log/00000/0000000000000017-0000000000000032")
}

// A bit of the object store's disk flips, and the store starts again. It says which object that was; what needs it is not restored, what
// does not is. A store that does not look gives out what has rotted, and is found by what comes of it.
func TestAnObjectThatRots(t *testing.T) {
	ms := faults.Duration(time.Millisecond)
	of := Ours()
	blind := Ours()
	blind.Objects = func(hook node.Hook) node.Node {
		return &altered{Node: objects.New(hook), step: func(now node.Time, ev node.Event, out *node.Effects, inner node.Node) {
			for i := range ev.Files {
				data := ev.Files[i].Data[:len(ev.Files[i].Data)-8]
				ev.Files[i].Data = binary.LittleEndian.AppendUint64(data, xxh3.Hash(data))
			}
			inner.Step(now, ev, out)
		}}
	}
	refused, restored, again, blamed := uint64(0), uint64(0), 0, 0
	for salt := range uint32(12) {
		c := quiet(t)
		c.Nodes.BackupEvery = ms
		c.Plan.Horizon = 300 * ms
		c.Plan.Faults = []faults.Fault{
			{Kind: faults.DiskCorrupt, At: 270 * ms, Nodes: []string{"objects"}, Salt: salt + 1},
			{Kind: faults.Crash, At: 272 * ms, For: 5 * ms, Nodes: []string{"objects"}},
		}
		require.NoError(t, c.Validate())
		r := runOf(of, c)
		require.Equal(t, judge.Pass, r.Verdict, "salt %d: %v", salt, r.Findings)
		require.Contains(t, r.Made, faults.Restore)
		require.EqualValues(t, 1, r.Counts.World.Corruptions)
		refused += r.Counts.RestoresRefused
		restored += r.Counts.Restores
		if r.Counts.RestoresRefused == 0 {
			again++ // it was put again, or no point that was tried needs it
		}
		if b := runOf(blind, c); len(found(b, faults.Restore)) > 0 {
			blamed++
		}
	}
	require.Positive(t, refused)
	require.Positive(t, restored)
	require.Positive(t, blamed)
	t.Logf("refused %d, restored %d, %d runs without a refusal, %d blind stores found", refused, restored, again, blamed)
}

// truth is what a store gives that does not lie.
func truth(_ string, data []byte) ([]byte, error) { return data, nil }

// A group that came into use during the run, and of which nothing is backed up yet, keeps the points behind its first
// record from being restored, and that is no violation. The count that this was judged by was not filled in yet when it was
// asked. That alone would excuse too much: in a run whose volume grew, any record that no group's log has.
func TestALateGroupIsExcusedAndNoOther(t *testing.T) {
	c := quiet(t)
	c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
	c.Volume.Groups, c.Volume.InUse, c.Volume.GroupPages = 2, 1, 6
	r := run(c)
	require.Equal(t, judge.Pass, r.Verdict, "%v", r.Findings)
	require.Equal(t, []node.Group{1}, r.Evidence.Late)
	whole := objectsOf{}
	names, err := r.Backup.List("")
	require.NoError(t, err)
	for _, name := range names {
		whole[name], err = r.Backup.Get(name)
		require.NoError(t, err)
	}
	of := func(late []node.Group, from objectsOf) *judge.Judgement {
		e := *r.Evidence
		e.Late, e.Store, e.Copies = late, from, nil // the segments are gone with the run
		return judge.Judge(&e)
	}
	without := func(parts ...string) objectsOf {
		left := maps.Clone(whole)
		maps.DeleteFunc(left, func(name string, _ []byte) bool {
			return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
		})
		return left
	}
	excused := func(j *judge.Judgement) bool { return j.Verdict == judge.Pass }
	grown := r.Evidence.Late

	// The late group has put nothing.
	j := of(grown, without("/00001/"))
	require.True(t, excused(j), "%v", j.Findings)
	require.Contains(t, j.Made, faults.Restore)
	require.Less(t, j.Counts.Restores, of(grown, whole).Counts.Restores, "the excuse was needed")
	// Had it been in use from the start, it would have to be there.
	j = of(nil, without("/00001/"))
	require.False(t, excused(j))
	require.Equal(t, faults.Restore, j.Findings[0].Check)
	// One object is enough to be told of it. A gap in its log is no lateness.
	require.False(t, excused(of(grown, without("log/00001/0000000000000017-", "pages/"))))

	// A log whose objects are sound lacks a record of the group that was in use from the start, or of the late one, which has
	// put something: neither is excused by growth.
	for g := range node.Group(2) {
		lacks := without("pages/")
		var lost node.LSN
		for _, name := range slices.Backward(names) {
			var of node.Group
			var from, through node.LSN
			if _, err := fmt.Sscanf(name, "log/%05d/%d-%d", &of, &from, &through); err != nil || of != g {
				continue
			}
			l := backup.Log{Group: g, From: from, Through: through}
			for at := from; at <= through; at++ {
				if x := r.Evidence.Log.At(at); x != nil && x.Group == g {
					l.Records = append(l.Records, x)
				}
			}
			require.Equal(t, whole[name], l.Encode())
			if last := len(l.Records) - 1; last >= 0 && through%16 == 0 && through < r.Evidence.Log.End() {
				lost, l.Records = l.Records[last].LSN, l.Records[:last]
				lacks[name] = l.Encode()
				break
			}
		}
		require.NotZero(t, lost, "group %d", g)
		j := of(grown, lacks)
		require.False(t, excused(j), "group %d", g)
		require.Equal(t, faults.Restore, j.Findings[0].Check)
		require.Contains(t, j.Findings[0].Sentence(), fmt.Sprintf("can restore 0 to %d", lost-1))
	}
}
