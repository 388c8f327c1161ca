package sim

import (
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// CrashFor takes a running process down for d, or until Start where d is 0, and says what becomes of what it had written and was
// not told to be durable: with kept all of it is, without it nothing. Nothing is torn.
func (w *World) CrashFor(id node.ID, kept bool, d time.Duration) error {
	p, err := w.running(id)
	if err != nil {
		return err
	}
	rates := w.disk
	w.disk.SurviveRate, w.disk.EffectRate, w.disk.TornRate = 0, 0, 0
	how := "its writes lost"
	if kept {
		w.disk.SurviveRate, w.disk.EffectRate = 1, 1
		how = "its writes kept"
	}
	w.crash(p, how, 0)
	w.disk = rates
	if d > 0 {
		w.restartIn(p, d)
	}
	return nil
}
