// Package faults_test breaks what the program stands on: the network, the databases and their servers. After
// each fault, once its cause is gone, site.promise holds the program to its promise: one run, and the mirror
// equals the source, the next run writes nothing, and no run is left running.
//
// Where each fault is tested, here when no package is named:
//
//	kill -9 at every failpoint              app: TestKilled, TestKilledDuringFirstLoad, TestKilledDuringAWrite, TestFollowerKilled
//	SIGTERM, Ctrl-C, a second Ctrl-C        app: TestInterrupt, TestSecondInterrupt
//	commit acknowledged to nobody           TestCommitWithoutAnswer; services/mirror: TestRecordedEnd
//	cut, reset, refused                     TestCut, TestReset, TestRefusedForAWhile, TestRefusedForTooLong, TestRefusedAtFirst,
//	                                        TestWrongURL, TestAnotherRunMeanwhile, TestStartWhileTheMirrorIsAway, TestReadsWhileTheSourceIsAway;
//	                                        test/api: TestLifecycleAway, TestMirrorAway; services/mirror: TestRetry…
//	half-open connection, black hole        TestBlackHole, TestBlackHoleForAWhile; services: TestHalfOpenListener;
//	                                        repositories/database: TestSilence, TestNoSilence, TestDialer, TestServerNoticesVanishedClients
//	slow link                               TestSlowLink
//	either database restarted               TestRestart, TestRestartUnderTheServer; app: TestFollowerOutlivesRestarts;
//	                                        repositories/database: TestDeadConnectionsOfThePool
//	disk full                               TestDiskFull; test/api: TestNoRoomForFiles; repositories/files: TestFullDisk;
//	                                        services/attachments: TestFullDiskLeavesNothing
//	deadlock, serialization failure         TestDeadlock, TestSerializationFailure; services/mirror: TestRetryGivesUp
//	lock or statement timeout               TestLockedTable, TestStatementTimeout; services/mirror: TestLockedMirrorTable
//	pool exhausted                          TestPoolExhausted
//	clock an hour off, DST                  services/mirror: TestClocksThatAreOff, TestClockSetBack; services/schedule: TestSummerTime,
//	                                        TestClockIsSet, TestRunOfTheFuture
//	two processes, two triggers at once     app: TestTwoProcesses, TestBusy, TestTwoServers, TestTwoServersFollow;
//	                                        services/syncing: TestOneRunOfManyTriggers; test/api: TestSyncTwoTriggers; services/schedule: TestTwoProcessesMakeOneRun
//	lock's connection lost mid-run          TestLockConnectionEnded; services/mirror: TestLostConnection
//	writes during a run                     services/mirror: TestSnapshotDuringRun
//	a late commit with an older updated_at  services/mirror: TestWhatAnIncrementalRunFinds; services/realtime: TestNoInterleavingLosesAChange
//	source emptied or truncated             services/mirror: TestEmptiedTable, TestMassDelete; services/realtime: TestMassDeleteStopsRealTime
//	source restored, another cluster        services/mirror: TestWhenEveryRowIsCompared
//	source failed over                      TestFailedOver
//	pmo_db restored or cloned               services/realtime: TestMirrorRestored, TestMirrorCopied; services: TestRestoredDatabase
//	source is a standby                     TestStandby
//	table dropped, revoked, swapped         services/mirror: TestPreflight, TestSourceRole, TestWhenEveryRowIsCompared
//	column missing, of another type, extra  services/mirror: TestPreflight, TestExtraColumns
//	slot lost, wal_level                    TestSlotInvalidated, TestWALLevel; services/realtime: TestSlotLost, TestWhatKeepsRealTimeFromWorking
//	unchanged TOAST, TRUNCATE, new keys     services/realtime: TestEveryKindOfChange, TestTablesThatChange
//	client retries a POST                   app: TestKilledWithFiles; test/api: TestIdempotencyKey, TestOneProductWithFiles
//	slow or gone reader of events           test/api: TestGoneAndSlowReaders; services/syncing: TestSlowReaderIsLeftBehind
package faults_test
