# The article's Coordinator and WebSocket on a real node, recorded as a transcript on stdout.
#
#     elixir genreply_cli/elixir/scenarios.exs overlap | genreply trace - --explain
#
# Suspending the socket for a moment stands for a slow network: the answers come when it resumes.
# A number after the name, such as 5, makes all waits that many times as long, for a busy machine.

Code.require_file("coordinators.exs", __DIR__)
Code.require_file("tracer.exs", __DIR__)

defmodule Scenarios do
  # one greeting: the caller is kept, and answered later
  def hello(coordinator, _socket) do
    await([greet(coordinator, "Hello world")])
  end

  # three callers, one slot: the last one gets the first answer
  def overlap(coordinator, socket) do
    :sys.suspend(socket)
    callers = Enum.map(["A", "B", "C"], &greet(coordinator, &1, ms(300)))
    :sys.resume(socket)
    await(callers)
  end

  # a caller gives up; the answer comes, and is dropped
  def late(coordinator, socket) do
    :sys.suspend(socket)
    await([greet(coordinator, "Hello", ms(100))])
    Process.sleep(ms(50))
    :sys.resume(socket)
    Process.sleep(ms(30))
    await([greet(coordinator, "Hello again")])
  end

  # the socket crashes: all who wait are told at once
  def crash(coordinator, socket) do
    :sys.suspend(socket)
    callers = Enum.map(["A", "B"], &greet(coordinator, &1))
    Process.exit(socket, :boom)
    await(callers)
  end

  # a caller: a process of its own, which may fail
  defp greet(coordinator, msg, timeout \\ 5000) do
    {_pid, monitor} =
      spawn_monitor(fn ->
        try do
          Coordinator.greet(coordinator, msg, timeout)
        catch
          :exit, _reason -> :failed
        end
      end)

    Process.sleep(ms(30))
    monitor
  end

  defp ms(milliseconds), do: milliseconds * Process.get(:times, 1)

  defp await(callers) do
    for caller <- callers do
      receive do
        {:DOWN, ^caller, :process, _pid, _reason} -> :ok
      end
    end
  end

  def run(name, times) do
    Process.put(:times, String.to_integer(times))
    Logger.configure(level: :none)
    scenario = Enum.find([:hello, :overlap, :late, :crash], &(Atom.to_string(&1) == name))

    if scenario == nil do
      IO.puts(:stderr, "usage: elixir scenarios.exs hello|overlap|late|crash [TIMES]")
      System.halt(2)
    end

    GenreplyTracer.start(:stdio, [], name)
    GenreplyTracer.trace(self())
    {:ok, coordinator} = Coordinator.start()
    apply(__MODULE__, scenario, [coordinator, :sys.get_state(coordinator).async_pid])
    GenreplyTracer.stop()
  end
end

[name, times] = Enum.take(System.argv() ++ ["1", "1"], 2)
Scenarios.run(name, times)
