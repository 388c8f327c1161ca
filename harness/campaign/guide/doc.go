// Package guide chooses what a campaign runs next. A part of the work, never less than a third, stays plain: the configurations of
// seeds in their order. The rest are configurations that reached something new, changed (Mutate), most often those that reached what
// is rare, cost little and were seldom chosen, and configurations of an earlier campaign's corpus, those that cover most first.
//
// What a batch of jobs is depends on nothing but Options and the lines before it, so that a campaign ends alike on one machine and on
// many, and after any number of interruptions.
//
// Use package campaign instead when an engineer wants the runs of some seeds and a verdict.
package guide
