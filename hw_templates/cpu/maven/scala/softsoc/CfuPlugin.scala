package softsoc

import spinal.core._
import spinal.lib._
import vexriscv._
import vexriscv.plugin.Plugin

/** What the core asks of the custom function unit; named like the wires of LiteX's `add_cfu`. */
case class CfuCommand() extends Bundle {
  val function_id = UInt(10 bits)
  val inputs = Vec(Bits(32 bits), 2)
}

case class CfuResponse() extends Bundle {
  val outputs = Vec(Bits(32 bits), 1)
}

case class CfuBus() extends Bundle with IMasterSlave {
  val cmd = Stream(CfuCommand())
  val rsp = Stream(CfuResponse())

  override def asMaster(): Unit = {
    master(cmd)
    slave(rsp)
  }
}

/** Issues R-type instructions of opcode custom-0 to a custom function unit (CFU).
  *
  * The CFU has state, so a command leaves only when its instruction can no longer be undone. An older branch is resolved
  * in the execute stage, or in the memory stage, from where it flushes the execute stage in each cycle that it is there:
  * no command leaves then. Behind a data cache an older load is waited for until it ends in the last stage, where it may
  * be replayed or trap; a store only if it is misaligned, because an aligned one does neither on this bus. Without data
  * cache a misaligned access traps in its first cycle in the memory stage, which takes the operation with it. There is
  * no CSR to switch the unit on.
  *
  * A command is offered from the execute stage. An answer in the same cycle is taken there and can be used by the next
  * instruction at once; a later answer is taken in the memory stage, while the next command may leave already. Answers
  * come in the order of the commands. An answer that the core cannot take yet waits in a register, so that `rsp.ready`
  * is one itself: no path leads from what halts the core through the unit and back to what halts it.
  *
  * What a CFU may do: let `cmd.ready` follow `rsp.ready`, and `rsp.valid` and `rsp.payload` follow `cmd` in the same
  * cycle. What it may not: answer before its command is accepted, or let `rsp.valid` follow `rsp.ready`.
  *
  * @param withDataCache
  *   whether loads end in the last stage instead of the memory stage.
  */
class CfuPlugin(withDataCache: Boolean) extends Plugin[VexRiscv] {
  object IS_CFU extends Stageable(Bool)
  object IS_MEMORY_ACCESS extends Stageable(Bool)
  object MAY_BE_UNDONE extends Stageable(Bool)
  object ANSWER_OUTSTANDING extends Stageable(Bool)

  var bus: CfuBus = null

  override def setup(pipeline: VexRiscv): Unit = {
    import Riscv._
    import pipeline.config._

    bus = master(CfuBus()).setName("CfuPlugin_bus")
    val decoder = pipeline.service(classOf[DecoderService])
    decoder.addDefault(IS_CFU, False)
    decoder.addDefault(IS_MEMORY_ACCESS, False)
    decoder.add(
      M"-------------------------0001011",
      List(
        IS_CFU -> True,
        REGFILE_WRITE_VALID -> True,
        BYPASSABLE_EXECUTE_STAGE -> False, // set below when the answer is there
        BYPASSABLE_MEMORY_STAGE -> True,
        RS1_USE -> True,
        RS2_USE -> True
      )
    )
    for (access <- List(LB, LH, LW, LBU, LHU, LWU, SB, SH, SW)) decoder.add(access, List(IS_MEMORY_ACCESS -> True))
  }

  override def build(pipeline: VexRiscv): Unit = {
    import pipeline._
    import pipeline.config._

    val memoryAwaits = memory.arbitration.isValid && memory.input(ANSWER_OUTSTANDING)

    val rsp = bus.rsp.s2mPipe()
    rsp.ready := False

    execute plug new Area {
      import execute._

      val address = input(SRC_ADD)
      val misaligned = input(INSTRUCTION)(13 downto 12).mux(
        0 -> False,
        1 -> address(0),
        default -> address(1 downto 0).orR
      )
      val isStore = input(INSTRUCTION)(5)
      insert(MAY_BE_UNDONE) := input(IS_MEMORY_ACCESS) && (!isStore || misaligned)

      def mayUndo(stage: Stage) =
        if (withDataCache) stage.arbitration.isValid && stage.input(MAY_BE_UNDONE) else False
      val undoableInMemory = mayUndo(memory)
      val undoableInWriteBack = mayUndo(writeBack) && writeBack.arbitration.haltItself
      val active = arbitration.isValid && input(IS_CFU)
      val accepted = RegInit(False) setWhen (bus.cmd.fire) clearWhen (!arbitration.isStuck)

      val leaves = active && !accepted && !undoableInMemory && !arbitration.isFlushed
      bus.cmd.valid := leaves && !undoableInWriteBack
      bus.cmd.function_id := U(input(INSTRUCTION)(31 downto 25) ## input(INSTRUCTION)(14 downto 12))
      bus.cmd.inputs(0) := input(RS1)
      bus.cmd.inputs(1) := input(RS2)
      // While the last stage halts this one does anyway: what that hangs on, the tags of the data cache, stays out.
      arbitration.haltItself setWhen (active && !accepted && !(leaves && bus.cmd.ready))

      val answerIsMine = active && !memoryAwaits
      insert(ANSWER_OUTSTANDING) := active && !(answerIsMine && rsp.valid)
      when(answerIsMine) {
        rsp.ready := !arbitration.isStuckByOthers && !undoableInMemory
        output(REGFILE_WRITE_DATA) := rsp.outputs(0)
        input(BYPASSABLE_EXECUTE_STAGE) setWhen (rsp.valid)
      }
    }

    memory plug new Area {
      import memory._

      when(memoryAwaits) {
        arbitration.haltItself setWhen (!rsp.valid)
        rsp.ready := !arbitration.isStuckByOthers
        output(REGFILE_WRITE_DATA) := rsp.outputs(0)
      }
    }
  }
}
