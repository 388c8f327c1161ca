package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// full leaves no room on the disk of a from 5ms on for so long.
func full(length int) faults.Fault {
	return faults.Fault{Kind: faults.DiskFull, At: dur(5 * ms), For: dur(ms) * faults.Duration(length), Nodes: []string{"a"}}
}

var crashAt90 = faults.Fault{Kind: faults.Crash, At: dur(90 * ms), For: dur(ms), Nodes: []string{"a"}}

// What finds no room is told, none of it is on the disk, and what was there before can be read.
func TestAFullDisk(t *testing.T) {
	write := func(out *node.Effects) {
		out.Append("log", []byte("+one"))
		out.Sync(2)
		out.Replace("cell", []byte("new"), 3)
		out.Read("log", 0, 100, 4)
	}
	told, found, w := struck(t, Options{Seed: 1}, write, full(45), crashAt90)
	assert.Equal(t, []string{"disk-done 1", "disk-full 2", "disk-full 3", "disk-done 4"}, told)
	assert.Equal(t, map[string]string{"log": "kept"}, found)
	assert.EqualValues(t, 2, w.Counts().NoRoom)
	assert.EqualValues(t, 2, w.Started(1), "it runs on: the crash at the end is the only one")

	told, found, w = struck(t, Options{Seed: 1}, write, crashAt90)
	assert.Equal(t, []string{"disk-done 1", "disk-done 2", "disk-done 3", "disk-done 4"}, told)
	assert.Equal(t, map[string]string{"log": "kept+one", "cell": "new"}, found)
	assert.Zero(t, w.Counts().NoRoom)
}

// What was appended before the disk was full and not synced goes, too, and so does what is appended until the node has heard: the
// log has no hole. A sync that covers what had room alone is done.
func TestAFullDiskLeavesNoHole(t *testing.T) {
	w := newWorld(t, Options{Seed: 1, Disk: Disk{Sync: dur(4 * ms), SurviveRate: 1}})
	var told []string
	found := map[string]string{}
	add(t, w, 1, "a", func(now node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			for _, f := range ev.Files {
				found[f.Name] = string(f.Data)
			}
			if ev.Incarnation > 1 {
				break
			}
			out.Append("log", []byte("a"))
			out.Sync(1) // until 4ms
			for i := range node.Timer(9) {
				out.SetTimer(i+3, 14*ms/10+12*ms/10*time.Duration(i)) // 1.4, 2.6, 3.8, 5 …
			}
		case node.Fired:
			out.Append("log", []byte(fmt.Sprint(ev.Timer)))
			if ev.Timer == 3 || ev.Timer == 5 {
				out.Sync(node.Token(ev.Timer))
			}
		default:
			told = append(told, fmt.Sprintf("%v %d", ev.Kind, ev.Token))
			if ev.Token == 5 {
				out.Append("log", []byte("!"))
				out.Sync(9)
			}
		}
	})
	plan := faults.Plan{Horizon: dur(100 * ms), Faults: []faults.Fault{{Kind: faults.DiskFull, At: dur(3 * ms), For: dur(ms), Nodes: []string{"a"}}, crashAt90}}
	assert.NoError(t, w.Install(plan, succession(nil)))
	w.Run(after(100 * ms))
	// 3 has room and is synced; 4 has room; 5 finds none; 6 and later come when there is room again and before the node has heard.
	assert.Equal(t, []string{"disk-done 1", "disk-done 3", "disk-full 5", "disk-done 9"}, told)
	assert.Equal(t, "a3!", found["log"])
	assert.EqualValues(t, w.parties[0].disk.size(), w.bytes)
}

// A replace that finds no room leaves the file as it was, and what was appended behind it is not there either.
func TestAFullDiskAndWhatFollowsAReplace(t *testing.T) {
	told, found, _ := struck(t, Options{Seed: 1}, func(out *node.Effects) {
		out.Replace("log", []byte("new"), 2)
		out.Append("log", []byte("+more"))
		out.Sync(3)
	}, full(1), crashAt90)
	assert.Equal(t, []string{"disk-done 1", "disk-full 2", "disk-full 3"}, told)
	assert.Equal(t, map[string]string{"log": "kept"}, found)
}

// The end of all faults makes room, too.
func TestTheEndOfAllFaultsMakesRoom(t *testing.T) {
	f := full(95)
	_, _, w := struck(t, Options{Seed: 1}, func(*node.Effects) {}, f)
	assert.Zero(t, w.parties[0].disk.full)
}

// A node that is paused hears later, and nothing of what it appends meanwhile stays behind.
func TestAFullDiskAndAPause(t *testing.T) {
	told, found, _ := struck(t, Options{Seed: 1}, func(out *node.Effects) {
		out.Append("log", []byte("+one"))
		out.Sync(2)
		out.Append("log", []byte("+two"))
		out.Sync(3)
	}, full(2), faults.Fault{Kind: faults.Pause, At: dur(6*ms + ms/2), For: dur(20 * ms), Nodes: []string{"a"}}, crashAt90)
	assert.Equal(t, []string{"disk-done 1", "disk-full 2", "disk-full 3"}, told)
	assert.Equal(t, map[string]string{"log": "kept"}, found)
}
